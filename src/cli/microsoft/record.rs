//! `rollout microsoft record`: what a tenant answers, scrubbed, one file a call.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::lab::Running;
use crate::cli::{App, CliError, Exit, error};
use crate::domain_file;
use crate::microsoft::record::{Asked, Question, Recorded, Recorder, Scrubber};
use crate::output::{Line, Page, Tone};
use crate::world::live::{OpenError, microsoft_settings};

/// Arguments of `microsoft record`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The domain file
    file: PathBuf,
    /// Where to write: a folder that is not there yet, or is empty
    #[arg(long, value_name = "FOLDER", default_value = "rollout-record")]
    out: PathBuf,
}

/// What became of one question.
struct Told {
    question: Question,
    read_as: String,
    files: Vec<PathBuf>,
    held_back: usize,
}

/// # Errors
/// A domain file that cannot be used, no sign-in, or a folder that cannot be written.
pub async fn run(app: &App, args: &Args) -> Result<Exit, CliError> {
    let loaded = domain_file::load(&args.file).map_err(Box::new)?;
    let Some(settings) = microsoft_settings(&loaded.file, &app.redactor, app.at_terminal())? else {
        return Err(CliError::Usage(
            "this domain file leaves the Microsoft side to a person, so there is nobody to ask; \
             name a tenant and a sign-in in it, or in a copy of it"
                .to_owned(),
        ));
    };
    let _laboratory = Running::of(&loaded.file, false)?;
    let folder = &args.out;
    make_folder(folder)?;
    let recorder = Recorder::connect(&settings).map_err(OpenError::from)?;
    if let Err(source) = recorder.sign_in().await {
        // It is still empty; if it is not, it stays.
        let _ = std::fs::remove_dir(folder);
        return Err(CliError::Microsoft {
            what: "the tenant cannot be asked".to_owned(),
            source: Box::new(source),
        });
    }
    let domain = loaded.file.domain.as_str();
    let mut scrubber = Scrubber::new(&settings.tenant, domain);
    let mut number = 0;
    let mut all = Vec::new();
    for question in Question::ALL {
        let asked = recorder.ask(question, domain).await;
        let told = write(app, folder, question, &asked, &mut scrubber, &mut number)?;
        say(app, &told);
        all.push(told);
    }
    Ok(sum_up(app, folder, &all))
}

fn write(
    app: &App,
    folder: &Path,
    question: Question,
    asked: &Asked,
    scrubber: &mut Scrubber,
    number: &mut usize,
) -> Result<Told, CliError> {
    // What is shown here names the tenant's own data; what is written beside an answer does not.
    let (read_as, short) = match &asked.read_as {
        Ok(read_as) => ((*read_as).to_owned(), *read_as),
        Err(error) => (error.to_string(), error.kind()),
    };
    let mut told = Told {
        question,
        read_as,
        files: Vec::new(),
        held_back: 0,
    };
    for taken in &asked.taken {
        *number += 1;
        let recorded = Recorded::scrubbed(taken, short, scrubber);
        let text = serde_json::to_string_pretty(&recorded)
            .map_err(io::Error::other)
            .map_err(error::file("write", folder))?;
        if scrubber.leak(&text).is_some() || app.redactor.holds_secret(&text) {
            told.held_back += 1;
            continue;
        }
        let name = format!(
            "{:02}-{}-{}.json",
            number,
            file_name(&taken.name),
            taken.status
        );
        let path = folder.join(name);
        write_private(&path, &format!("{text}\n")).map_err(error::file("write", &path))?;
        told.files.push(path);
    }
    Ok(told)
}

fn say(app: &App, told: &Told) {
    let mut page = Page::new();
    let tone = if told.read_as == "understood" {
        Tone::Good
    } else {
        Tone::Warn
    };
    page.push(
        Line::at(0)
            .hang(4)
            .strong(format!("{}: ", told.question.title()))
            .tone(tone, told.read_as.clone()),
    );
    for path in &told.files {
        page.push(Line::at(4).plain(path.display().to_string()));
    }
    if told.files.is_empty() && told.held_back == 0 {
        page.push(Line::at(4).dim("no answer came, so there is nothing to write"));
    }
    if told.held_back > 0 {
        page.push(Line::at(4).tone(
            Tone::Warn,
            format!(
                "{} held back: a name or id of the tenant was still in it",
                told.held_back
            ),
        ));
    }
    app.console.result(page);
    app.console.object(&json!({
        "type": "recorded", "call": told.question.title(), "read_as": told.read_as,
        "files": told.files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
        "held_back": told.held_back,
    }));
}

fn sum_up(app: &App, folder: &Path, all: &[Told]) -> Exit {
    let files: usize = all.iter().map(|told| told.files.len()).sum();
    let held_back: usize = all.iter().map(|told| told.held_back).sum();
    let mut page = Page::new();
    page.gap();
    if files == 0 {
        page.push(Line::at(0).plain("Nothing was written, because no answer came."));
        app.console.result(page);
        return Exit::Failed;
    }
    page.push(Line::at(0).plain(format!(
        "{files} files are in {}, readable by you alone. Nothing was changed at Microsoft.",
        folder.display()
    )));
    page.push(Line::at(0).plain(
        "Names, ids, addresses, times and texts in them are stand-ins; keys, types, states and codes are what the service sent.",
    ));
    page.push(Line::at(0).strong(
        "Look at each file before you share it: only you can tell whether something of yours is left.",
    ));
    app.console.result(page);
    if held_back > 0 {
        Exit::Failed
    } else {
        Exit::Done
    }
}

/// A part of a file name: letters, digits and hyphens.
fn file_name(call: &str) -> String {
    let mut name = String::new();
    for c in call.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c);
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    name.trim_matches('-').to_owned()
}

/// Takes an empty folder, or makes one that only its owner can enter.
fn make_folder(folder: &Path) -> Result<(), CliError> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(CliError::Usage(format!(
                    "{} is not empty; name a new folder with --out, so that no file of yours is mixed with what is shared",
                    folder.display()
                )));
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut builder = std::fs::DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder
                .create(folder)
                .map_err(error::file("make the folder", folder))
        }
        Err(source) => Err(error::file("read the folder", folder)(source)),
    }
}

/// Writes a new file that only its owner can read.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_plain() {
        assert_eq!(file_name("Graph GET /domains/{id}"), "Graph-GET-domains-id");
        assert_eq!(file_name("Get-AcceptedDomain"), "Get-AcceptedDomain");
        assert_eq!(file_name("../../etc"), "etc");
    }

    #[test]
    fn a_folder_with_something_in_it_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        make_folder(folder.path()).unwrap();
        make_folder(&folder.path().join("new/deep")).unwrap();
        assert!(
            make_folder(folder.path())
                .unwrap_err()
                .to_string()
                .contains("is not empty")
        );
    }
}
