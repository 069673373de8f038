//! A mistake in a file, and the report that shows it.

use std::fmt;
use std::ops::Range;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
};
use serde::Serialize;

use super::shown::{self, escape};

/// So many mistakes of one file are shown.
const MOST: usize = 20;

/// The stable id of a kind of mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The file cannot be opened or read, or is too large.
    Unreadable,
    /// It is not UTF-8 text, or holds control characters.
    NotText,
    /// It is not YAML, or YAML that is not taken here.
    Syntax,
    /// It is empty.
    Empty,
    /// A key stands twice in one mapping.
    DuplicateKey,
    /// A key that is not known here.
    UnknownKey,
    /// A key that must be there is not.
    MissingKey,
    /// Text where a number is needed, and the like.
    WrongType,
    /// A word that is not in the closed list, or names nothing that exists.
    UnknownValue,
    /// A number beyond its bounds.
    OutOfRange,
    /// The value has the right type, but is not what it should be.
    BadValue,
    /// A secret where only a reference may stand.
    LiteralSecret,
    /// Two parts of the file do not fit together.
    Contradiction,
    /// It makes sense, and would not be safe.
    Unsafe,
}

impl Code {
    /// The id as shown and as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::NotText => "not-text",
            Self::Syntax => "syntax",
            Self::Empty => "empty",
            Self::DuplicateKey => "duplicate-key",
            Self::UnknownKey => "unknown-key",
            Self::MissingKey => "missing-key",
            Self::WrongType => "wrong-type",
            Self::UnknownValue => "unknown-value",
            Self::OutOfRange => "out-of-range",
            Self::BadValue => "bad-value",
            Self::LiteralSecret => "literal-secret",
            Self::Contradiction => "contradiction",
            Self::Unsafe => "unsafe",
        }
    }
}

/// One mistake and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its kind.
    pub code: Code,
    /// What is wrong, as a sentence without a full stop. Text of the file in it is escaped.
    pub message: String,
    /// What is allowed, or how to mend it.
    pub help: Option<String>,
    /// The bytes to underline; none when it is about the file as a whole.
    pub span: Option<Range<usize>>,
    /// Whether what is underlined must not be shown.
    pub hide: bool,
    /// More of the file that must not be shown.
    pub hidden: Option<Range<usize>>,
}

impl Problem {
    /// A mistake at a place. A line break in `text` parts the message from the help.
    pub fn new(code: Code, span: Range<usize>, text: &str) -> Self {
        let (message, help) = match text.split_once('\n') {
            Some((message, help)) => (message, Some(help.to_owned())),
            None => (text, None),
        };
        Self {
            code,
            message: message.to_owned(),
            help,
            span: Some(span),
            hide: false,
            hidden: None,
        }
    }

    /// A mistake of the file as a whole.
    pub fn whole(code: Code, text: &str) -> Self {
        Self {
            span: None,
            ..Self::new(code, 0..0, text)
        }
    }

    /// With this help.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }

    /// What is underlined is not shown.
    #[must_use]
    pub fn hiding(self) -> Self {
        Self { hide: true, ..self }
    }

    /// This part of the file is not shown.
    #[must_use]
    pub fn hiding_also(self, range: Range<usize>) -> Self {
        Self {
            hidden: Some(range),
            ..self
        }
    }
}

/// A mistake with its place in numbers, for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Located {
    /// Its kind.
    pub code: Code,
    /// The line, from 1; none when it is about the file as a whole.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What is allowed, or how to mend it.
    pub help: Option<String>,
}

/// A file that cannot be used, with every mistake found in it. Holds nothing of the file that must not be shown.
///
/// The command line exits with 2.
pub struct Rejected {
    file: String,
    source: NamedSource<String>,
    mistakes: Vec<Mistake>,
}

struct Mistake {
    located: Located,
    span: Option<Range<usize>>,
}

impl Rejected {
    /// The report about `text`, read from `file`.
    pub fn new(file: &str, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.span.as_ref().map_or(0, |span| span.start));
        problems.dedup();
        // More than this helps nobody, and a broken file can hold thousands.
        let more = problems.len().saturating_sub(MOST);
        problems.truncate(MOST);
        if more > 0 {
            problems.push(Problem::whole(
                Code::Contradiction,
                &format!("{more} more mistakes are not shown"),
            ));
        }
        let mut masks = shown::secrets(text);
        for problem in &problems {
            masks.extend(problem.hidden.clone());
            masks.extend(problem.span.clone().filter(|_| problem.hide));
        }
        // Only the first line of what is meant is underlined: a whole block would hide the point.
        let spans: Vec<Range<usize>> = problems
            .iter()
            .map(|problem| problem.span.clone().unwrap_or_default())
            .map(|span| {
                span.start
                    ..span
                        .end
                        .min(shown::line_end(text, span.start))
                        .max(span.start)
            })
            .collect();
        let (shown_text, shown_spans) = shown::shown(text, &masks, &spans);
        let mistakes = problems
            .into_iter()
            .zip(spans.iter().zip(shown_spans))
            .map(|(problem, (span, shown_span))| {
                let place = problem.span.is_some().then(|| place(text, span.start));
                Mistake {
                    span: place.map(|_| shown_span),
                    located: Located {
                        code: problem.code,
                        line: place.map(|place| place.0),
                        column: place.map(|place| place.1),
                        message: problem.message,
                        help: problem.help,
                    },
                }
            })
            .collect();
        let file = escape(file);
        Self {
            source: NamedSource::new(&file, shown_text),
            file,
            mistakes,
        }
    }

    /// The file's name as given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The mistakes, in the order of the file.
    pub fn mistakes(&self) -> impl Iterator<Item = &Located> {
        self.mistakes.iter().map(|mistake| &mistake.located)
    }

    /// The report for people, with the lines of the file.
    pub fn render(&self, colour: bool, width: usize) -> String {
        let theme = if colour {
            GraphicalTheme::unicode()
        } else {
            GraphicalTheme::unicode_nocolor()
        };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(width)
            .with_links(false);
        let mut out = String::new();
        for index in 0..self.mistakes.len() {
            if index > 0 {
                out.push('\n');
            }
            let one = One {
                rejected: self,
                index,
            };
            if handler.render_report(&mut out, &one).is_err() {
                // The graphical form is a courtesy: the plain sentence says the same.
                out.push_str(&format!("{one}\n"));
            }
        }
        out
    }

    fn sentence(&self, index: usize) -> String {
        self.mistakes
            .get(index)
            .map_or_else(String::new, |mistake| mistake.located.message.clone())
    }
}

/// Line and column, both from 1, the column in characters.
fn place(text: &str, at: usize) -> (usize, usize) {
    let start = shown::line_start(text, at);
    let line = text.as_bytes()[..start]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        + 1;
    (line, text[start..at.max(start)].chars().count() + 1)
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            f.write_str(&self.file)?;
            if let (Some(line), Some(column)) = (mistake.located.line, mistake.located.column) {
                write!(f, ":{line}:{column}")?;
            }
            write!(f, ": {}", mistake.located.message)?;
            if let Some(help) = &mistake.located.help {
                write!(f, " ({help})")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected")
            .field("file", &self.file)
            .field("mistakes", &self.mistakes().collect::<Vec<_>>())
            .finish()
    }
}

impl std::error::Error for Rejected {}

impl Diagnostic for Rejected {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.mistakes
            .first()
            .map(|mistake| Box::new(mistake.located.code.as_str()) as Box<dyn fmt::Display>)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let [only] = self.mistakes.as_slice() else {
            return None;
        };
        let help = only.located.help.as_deref()?;
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.mistakes
            .iter()
            .any(|mistake| mistake.span.is_some())
            .then_some(&self.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let labels = self.mistakes.iter().filter_map(|mistake| {
            let span = mistake.span.clone()?;
            Some(LabeledSpan::new_with_span(
                Some(mistake.located.message.clone()),
                span,
            ))
        });
        Some(Box::new(labels))
    }
}

/// One mistake of a report.
#[derive(Debug)]
struct One<'a> {
    rejected: &'a Rejected,
    index: usize,
}

impl One<'_> {
    fn mistake(&self) -> Option<&Mistake> {
        self.rejected.mistakes.get(self.index)
    }
}

impl fmt::Display for One<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = self.rejected.sentence(self.index);
        match self.mistake() {
            Some(mistake) if mistake.span.is_none() => {
                write!(f, "{}: {sentence}", self.rejected.file)
            }
            _ => f.write_str(&sentence),
        }
    }
}

impl std::error::Error for One<'_> {}

impl Diagnostic for One<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.mistake()
            .map(|mistake| Box::new(mistake.located.code.as_str()) as Box<dyn fmt::Display>)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.mistake()?.located.help.as_deref()?;
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.mistake()?.span.as_ref()?;
        Some(&self.rejected.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.mistake()?.span.clone()?;
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(
            None, span,
        ))))
    }
}
