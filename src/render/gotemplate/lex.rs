//! The scanner: text outside of actions, tokens inside.

use memchr::memchr_iter;

use super::strconv::{self, decode, quote};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Its text is in [`Lexer::error`].
    Error,
    Bool,
    /// A printable ASCII character that means nothing by itself, such as the comma.
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl Token {
    fn keyword(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"block" => Self::Block,
            b"break" => Self::Break,
            b"continue" => Self::Continue,
            b"define" => Self::Define,
            b"else" => Self::Else,
            b"end" => Self::End,
            b"if" => Self::If,
            b"range" => Self::Range,
            b"nil" => Self::Nil,
            b"template" => Self::Template,
            b"with" => Self::With,
            _ => return None,
        })
    }

    fn is_keyword(self) -> bool {
        matches!(
            self,
            Self::Block
                | Self::Break
                | Self::Continue
                | Self::Dot
                | Self::Define
                | Self::Else
                | Self::End
                | Self::If
                | Self::Nil
                | Self::Range
                | Self::Template
                | Self::With
        )
    }
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) token: Token,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) line: u32,
}

/// A position beyond the last byte.
const END: u32 = u32::MAX;

/// The scanner of one text.
pub(super) struct Lexer<'t> {
    text: &'t [u8],
    at: usize,
    start: usize,
    inside: bool,
    parens: usize,
    /// Whether `break` is a keyword: a function of that name makes it a word.
    break_is_keyword: bool,
    continue_is_keyword: bool,
    /// Newlines before `counted`, so that each is counted once.
    line: u32,
    counted: usize,
    /// The text of the error, once there is one.
    pub(super) error: String,
}

/// What an action goes on with.
type Scan = Result<Token, String>;

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t [u8], break_is_keyword: bool, continue_is_keyword: bool) -> Self {
        Self {
            text,
            at: 0,
            start: 0,
            inside: false,
            parens: 0,
            break_is_keyword,
            continue_is_keyword,
            line: 1,
            counted: 0,
            error: String::new(),
        }
    }

    /// The next token. After an error there is nothing to be had.
    pub(super) fn next(&mut self) -> Item {
        if !self.error.is_empty() {
            return self.item(Token::Error);
        }
        loop {
            let error = if self.inside {
                match self.action() {
                    Ok(Token::RightDelim) => return self.end_of_action(),
                    Ok(token) => return self.item(token),
                    Err(error) => error,
                }
            } else {
                match self.outside() {
                    Ok(Some(item)) => return item,
                    Ok(None) => continue,
                    Err(error) => error,
                }
            };
            self.error = error;
            return self.item(Token::Error);
        }
    }

    fn item(&mut self, token: Token) -> Item {
        let fresh = self.text.get(self.counted..self.start).unwrap_or(&[]);
        let lines = fresh.iter().filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        self.counted = self.counted.max(self.start);
        let item = Item { token, start: self.start, end: self.at, line: self.line };
        self.start = self.at;
        item
    }

    fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or(&[])
    }

    fn so_far(&self) -> &'t [u8] {
        self.text.get(self.start..self.at).unwrap_or(&[])
    }

    fn peek(&self) -> u32 {
        match decode(self.rest()) {
            (_, 0) => END,
            (rune, _) => rune,
        }
    }

    fn advance(&mut self) -> u32 {
        match decode(self.rest()) {
            (_, 0) => END,
            (rune, width) => {
                self.at += width;
                rune
            }
        }
    }

    fn accept(&mut self, valid: &[u8]) -> bool {
        let found = self.rest().first().is_some_and(|byte| valid.contains(byte));
        self.at += usize::from(found);
        found
    }

    fn accept_run(&mut self, valid: &[u8]) {
        while self.accept(valid) {}
    }

    fn pass_alphanumerics(&mut self) {
        loop {
            let ascii = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
            self.at += self.rest().iter().take_while(ascii).count();
            if !matches!(self.rest().first(), Some(0x80..)) || !is_alphanumeric(self.peek()) {
                return;
            }
            self.advance();
        }
    }

    /// Text up to an action, or the beginning of one; nothing where a comment was passed over.
    fn outside(&mut self) -> Result<Option<Item>, String> {
        let rest = self.rest();
        let Some(text) = find(rest, b"{{") else {
            self.at = self.text.len();
            let token = if rest.is_empty() { Token::Eof } else { Token::Text };
            return Ok(Some(self.item(token)));
        };
        if text > 0 {
            let before = rest.get(..text).unwrap_or(&[]);
            let trims = has_left_trim(rest.get(text + 2..).unwrap_or(&[]));
            let kept = if trims { trimmed(before).len() } else { text };
            self.at += kept;
            let item = self.item(Token::Text);
            self.at += text - kept;
            self.start = self.at;
            if kept > 0 {
                return Ok(Some(item));
            }
        }
        let after = self.text.get(self.at + 2..).unwrap_or(&[]);
        let marker = if has_left_trim(after) { 2 } else { 0 };
        if after.get(marker..).is_some_and(|it| it.starts_with(b"/*")) {
            self.at += 2 + marker;
            self.start = self.at;
            return self.comment().map(|()| None);
        }
        self.at += 2;
        let item = self.item(Token::LeftDelim);
        self.at += marker;
        self.start = self.at;
        self.inside = true;
        self.parens = 0;
        Ok(Some(item))
    }

    fn comment(&mut self) -> Result<(), String> {
        let inner = self.rest().get(2..).unwrap_or(&[]);
        let length = find(inner, b"*/").ok_or("unclosed comment")?;
        self.at += 2 + length + 2;
        let trims = self.right_delim().ok_or("comment ends before closing delimiter")?;
        self.pass_right_delim(trims);
        Ok(())
    }

    /// Whether the action ends here, and whether it takes the space behind it along.
    fn right_delim(&self) -> Option<bool> {
        let rest = self.rest();
        match rest {
            [space, b'-', b'}', b'}', ..] if is_space_byte(*space) => Some(true),
            [b'}', b'}', ..] => Some(false),
            _ => None,
        }
    }

    fn pass_right_delim(&mut self, trims: bool) {
        self.at += if trims { 4 } else { 2 };
        if trims {
            self.at += self.rest().iter().take_while(|byte| is_space_byte(**byte)).count();
        }
        self.start = self.at;
    }

    fn action(&mut self) -> Scan {
        if self.right_delim().is_some() {
            if self.parens > 0 {
                return Err("unclosed left paren".to_owned());
            }
            return Ok(Token::RightDelim);
        }
        let before = self.at;
        let rune = self.advance();
        let byte = u8::try_from(rune).unwrap_or(0xff);
        let token = match byte {
            _ if rune == END => return Err("unclosed action".to_owned()),
            b' ' | b'\t' | b'\r' | b'\n' => return Ok(self.space()),
            b'=' => Token::Assign,
            b':' => match self.advance() == u32::from(b'=') {
                true => Token::Declare,
                false => return Err("expected :=".to_owned()),
            },
            b'|' => Token::Pipe,
            b'"' => return self.quoted(b'"'),
            b'`' => {
                let length = self.rest().iter().position(|byte| *byte == b'`');
                self.at += length.ok_or("unterminated raw quoted string")? + 1;
                Token::RawString
            }
            b'$' => return self.name(Token::Variable),
            b'\'' => return self.quoted(b'\''),
            b'.' if self.rest().first().is_some_and(|byte| !byte.is_ascii_digit()) => {
                return self.name(Token::Field);
            }
            b'.' | b'+' | b'-' | b'0'..=b'9' => {
                self.at = before;
                return self.number();
            }
            _ if is_alphanumeric(rune) => return self.word(),
            b'(' => {
                self.parens += 1;
                Token::LeftParen
            }
            b')' => {
                self.parens = self.parens.checked_sub(1).ok_or("unexpected right paren")?;
                Token::RightParen
            }
            b'!'..=b'~' => Token::Char,
            _ => return Err(format!("unrecognized character in action: {}", describe(rune))),
        };
        Ok(token)
    }

    fn end_of_action(&mut self) -> Item {
        let trims = self.right_delim() == Some(true);
        if trims {
            self.at += 2;
            self.start = self.at;
        }
        self.at += 2;
        let item = self.item(Token::RightDelim);
        if trims {
            self.at += self.rest().iter().take_while(|byte| is_space_byte(**byte)).count();
            self.start = self.at;
        }
        self.inside = false;
        item
    }

    /// A run of spaces, of which the first was taken. The last belongs to a trimming delimiter that follows.
    fn space(&mut self) -> Token {
        self.at += self.rest().iter().take_while(|byte| is_space_byte(**byte)).count();
        if self.rest().starts_with(b"-}}") {
            self.at -= 1;
            if self.at == self.start {
                return Token::RightDelim;
            }
        }
        Token::Space
    }

    fn word(&mut self) -> Scan {
        self.pass_alphanumerics();
        if !self.at_terminator() {
            return Err(format!("bad character {}", describe(self.peek())));
        }
        let token = match Token::keyword(self.so_far()) {
            Some(Token::Break) if !self.break_is_keyword => Token::Identifier,
            Some(Token::Continue) if !self.continue_is_keyword => Token::Identifier,
            Some(keyword) => keyword,
            None if matches!(self.so_far(), b"true" | b"false") => Token::Bool,
            None => Token::Identifier,
        };
        Ok(token)
    }

    /// What follows `.` or `$`.
    fn name(&mut self, token: Token) -> Scan {
        if self.at_terminator() {
            let alone = if token == Token::Field { Token::Dot } else { token };
            return Ok(alone);
        }
        self.pass_alphanumerics();
        if !self.at_terminator() {
            return Err(format!("bad character {}", describe(self.peek())));
        }
        Ok(token)
    }

    /// Whether a name may end here, so that `$x+2` is none.
    fn at_terminator(&self) -> bool {
        match self.rest() {
            [] | [b' ' | b'\t' | b'\r' | b'\n' | b'.' | b',' | b'|' | b':' | b')' | b'(', ..] => true,
            rest => rest.starts_with(b"}}"),
        }
    }

    /// A string or character in quotes, of which the first was taken. The parser looks at the escapes.
    fn quoted(&mut self, quote: u8) -> Scan {
        let (token, what) = match quote {
            b'"' => (Token::String, "unterminated quoted string"),
            _ => (Token::CharConstant, "unterminated character constant"),
        };
        loop {
            let plain = |byte: &&u8| !matches!(**byte, b'\\' | b'\n') && **byte != quote;
            self.at += self.rest().iter().take_while(plain).count();
            let mut rune = self.advance();
            if rune == u32::from(b'\\') {
                rune = self.advance();
                if rune != END && rune != u32::from(b'\n') {
                    continue;
                }
            }
            if rune == END || rune == u32::from(b'\n') {
                return Err(what.to_owned());
            }
            if rune == u32::from(quote) {
                return Ok(token);
            }
        }
    }

    fn number(&mut self) -> Scan {
        let good = self.scan_number();
        if good && !matches!(self.rest().first(), Some(b'+' | b'-')) {
            return Ok(Token::Number);
        }
        // 1+2i: no spaces, and an i at its end.
        if good && self.scan_number() && self.so_far().last() == Some(&b'i') {
            return Ok(Token::Complex);
        }
        Err(format!("bad number syntax: {}", quote(self.so_far())))
    }

    fn scan_number(&mut self) -> bool {
        self.accept(b"+-");
        let mut digits: &[u8] = b"0123456789_";
        if self.accept(b"0") {
            if self.accept(b"xX") {
                digits = b"0123456789abcdefABCDEF_";
            } else if self.accept(b"oO") {
                digits = b"01234567_";
            } else if self.accept(b"bB") {
                digits = b"01_";
            }
        }
        self.accept_run(digits);
        if self.accept(b".") {
            self.accept_run(digits);
        }
        let exponent: &[u8] = match digits.len() {
            11 => b"eE",
            23 => b"pP",
            _ => b"",
        };
        if self.accept(exponent) {
            self.accept(b"+-");
            self.accept_run(b"0123456789_");
        }
        self.accept(b"i");
        if is_alphanumeric(self.peek()) {
            self.advance();
            return false;
        }
        true
    }

    /// A token as messages name it.
    pub(super) fn show(&self, item: &Item) -> String {
        let text = self.text.get(item.start..item.end).unwrap_or(&[]);
        match item.token {
            Token::Eof => "EOF".to_owned(),
            Token::Error => self.error.clone(),
            token if token.is_keyword() => format!("<{}>", String::from_utf8_lossy(text)),
            _ if text.len() > 10 => {
                let mut end = 0;
                for _ in 0..10 {
                    end += decode(text.get(end..).unwrap_or(&[])).1;
                }
                format!("{}...", quote(text.get(..end).unwrap_or(text)))
            }
            _ => quote(text),
        }
    }
}

/// Without the spaces at its end, of which the grammar knows four; a form feed is none.
fn trimmed(text: &[u8]) -> &[u8] {
    let spaces = text.iter().rev().take_while(|byte| is_space_byte(**byte)).count();
    text.get(..text.len() - spaces).unwrap_or(text)
}

fn has_left_trim(text: &[u8]) -> bool {
    matches!(text, [b'-', space, ..] if is_space_byte(*space))
}

fn is_space_byte(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_alphanumeric(rune: u32) -> bool {
    rune == u32::from(b'_') || rune != END && (strconv::is_letter(rune) || strconv::is_digit(rune))
}

/// Where two bytes stand one after the other.
fn find(text: &[u8], [first, second]: &[u8; 2]) -> Option<usize> {
    memchr_iter(*first, text).find(|at| text.get(at + 1) == Some(second))
}

/// `%#U`.
fn describe(rune: u32) -> String {
    match char::from_u32(rune).filter(|_| strconv::is_print(rune)) {
        Some(printable) => format!("U+{rune:04X} '{printable}'"),
        None => format!("U+{rune:04X}"),
    }
}
