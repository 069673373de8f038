//! Text with tones, made safe when it is put on, wrapped and coloured when it is shown.

use std::fmt::{Display, Write as _};

use super::console::Look;
use super::{text, time};

/// How a piece of text is shown. Colour never says what the words do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// Headings and names.
    Strong,
    /// Beside the point.
    Dim,
    /// Done, added.
    Good,
    /// Waits, warnings.
    Warn,
    /// Blocked, removed.
    Bad,
}

impl Tone {
    /// The SGR parameter (ECMA-48 section 8.3.117); `None` for plain text.
    const fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Strong => Some("1"),
            Self::Dim => Some("2"),
            Self::Good => Some("32"),
            Self::Warn => Some("33"),
            Self::Bad => Some("31"),
        }
    }
}

/// One line, wrapped below its own indent when it is too long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    indent: usize,
    hang: usize,
    verbatim: bool,
    spans: Vec<(Tone, String)>,
}

impl Line {
    /// An empty line that begins at this column.
    #[must_use]
    pub fn at(indent: usize) -> Self {
        Self {
            indent,
            hang: indent + 2,
            ..Self::default()
        }
    }

    /// What follows is wrapped to begin at this column.
    #[must_use]
    pub fn hang(self, hang: usize) -> Self {
        Self { hang, ..self }
    }

    /// Never wrapped: something to copy.
    #[must_use]
    pub fn verbatim(self) -> Self {
        Self {
            verbatim: true,
            ..self
        }
    }

    /// Adds text in a tone.
    #[must_use]
    pub fn tone(mut self, tone: Tone, text: impl Display) -> Self {
        let text = text.to_string();
        let text = if self.verbatim {
            text
        } else {
            time::tidy(&text)
        };
        self.spans.push((tone, text::clean(&text)));
        self
    }

    /// Adds text.
    #[must_use]
    pub fn plain(self, text: impl Display) -> Self {
        self.tone(Tone::Plain, text)
    }

    /// Adds a heading or a name.
    #[must_use]
    pub fn strong(self, text: impl Display) -> Self {
        self.tone(Tone::Strong, text)
    }

    /// Adds something beside the point.
    #[must_use]
    pub fn dim(self, text: impl Display) -> Self {
        self.tone(Tone::Dim, text)
    }

    fn render(&self, look: Look, out: &mut String) {
        let margin = |out: &mut String, width: usize| out.extend(std::iter::repeat_n(' ', width));
        let limit = look
            .width
            .filter(|width| !self.verbatim && *width >= self.hang + 20);
        let mut column = self.indent;
        if self.spans.iter().any(|(_, text)| !text.is_empty()) {
            margin(out, self.indent);
        }
        let mut may_break = false;
        for (tone, text) in &self.spans {
            let code = tone.code().filter(|_| look.colour);
            if let Some(code) = code {
                let _ = write!(out, "\u{1b}[{code}m");
            }
            for piece in text.split_inclusive(' ') {
                let width = piece.trim_end().chars().count();
                if may_break && limit.is_some_and(|limit| column + width > limit) {
                    out.truncate(out.trim_end_matches(' ').len());
                    out.push('\n');
                    margin(out, self.hang);
                    column = self.hang;
                }
                out.push_str(piece);
                column += piece.chars().count();
                may_break = piece.ends_with(' ');
            }
            if code.is_some() {
                out.push_str("\u{1b}[0m");
            }
        }
        out.push('\n');
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self::at(0).plain(text)
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::at(0).plain(text)
    }
}

/// Lines to show together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page(Vec<Line>);

impl Page {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line.
    pub fn push(&mut self, line: impl Into<Line>) {
        self.0.push(line.into());
    }

    /// Adds an empty line, unless nothing is above it.
    pub fn gap(&mut self) {
        if self.0.last().is_some_and(|line| !line.spans.is_empty()) {
            self.0.push(Line::default());
        }
    }

    /// Adds the lines of a text to be copied, each at this column.
    pub fn block(&mut self, indent: usize, text: &str) {
        for line in text::lines(text) {
            self.push(Line::at(indent).verbatim().plain(line));
        }
    }

    /// Adds another page below.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether there is nothing on it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As it is shown.
    #[must_use]
    pub fn render(&self, look: Look) -> String {
        let mut out = String::new();
        for line in &self.0 {
            line.render(look, &mut out);
        }
        out
    }

    /// Without colour and wrapping.
    #[must_use]
    pub fn plain(&self) -> String {
        self.render(Look::default())
    }
}

impl From<Line> for Page {
    fn from(line: Line) -> Self {
        Self(vec![line])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: Look = Look {
        colour: false,
        width: Some(30),
    };

    #[test]
    fn long_lines_wrap_at_words_below_their_own_indent() {
        let page = Page::from(
            Line::at(2)
                .hang(6)
                .plain("one two three four five six seven eight"),
        );
        assert_eq!(
            page.render(NARROW),
            "  one two three four five six\n      seven eight\n"
        );
    }

    #[test]
    fn what_is_to_be_copied_is_never_wrapped() {
        let mut page = Page::new();
        page.block(2, "Enable-DnssecForVerifiedDomain -DomainName contoso.com");
        assert_eq!(page.render(NARROW).lines().count(), 1);
    }

    #[test]
    fn only_our_own_escape_sequences_are_left() {
        let page = Page::from(Line::at(0).tone(Tone::Bad, "\u{1b}[2Jx").plain(" y"));
        let look = Look {
            colour: true,
            width: None,
        };
        assert_eq!(page.render(look), "\u{1b}[31m\\u{1b}[2Jx\u{1b}[0m y\n");
        assert_eq!(page.plain(), "\\u{1b}[2Jx y\n");
    }

    #[test]
    fn a_line_break_in_foreign_text_makes_no_line() {
        let page = Page::from(Line::from("a\nblocked: nothing"));
        assert_eq!(page.plain().lines().count(), 1);
    }
}
