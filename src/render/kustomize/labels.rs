//! The grammar of label selectors, as Kubernetes reads them: `app=web,tier in (a, b),!old`.

use std::collections::BTreeSet;

use super::{Error, resource::Texts, text::quote};

/// Conditions that must all hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Requirements(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
    values: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Exists,
    DoesNotExist,
    In,
    Equals,
    NotIn,
    NotEquals,
    Greater,
    Less,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Error,
    End,
    Close,
    Comma,
    Not,
    DoubleEquals,
    Equals,
    Greater,
    Identifier,
    In,
    Less,
    NotEquals,
    NotIn,
    Open,
}

impl Requirements {
    /// Reads a selector.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let mut parser = Parser { tokens: scan(text), at: 0 };
        parser.all().map(Self).map_err(Error::new)
    }

    /// Whether all conditions hold.
    pub(super) fn hold(&self, texts: &Texts) -> bool {
        self.0.iter().all(|requirement| requirement.holds(texts))
    }
}

impl Requirement {
    fn holds(&self, texts: &Texts) -> bool {
        let value = texts.get(&self.key);
        match self.operator {
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::In | Operator::Equals => value.is_some_and(|value| self.values.contains(value)),
            Operator::NotIn | Operator::NotEquals => value.is_none_or(|value| !self.values.contains(value)),
            Operator::Greater | Operator::Less => {
                let number = |text: &String| text.parse::<i64>().ok();
                match (value.and_then(number), self.values.first().and_then(number)) {
                    (Some(own), Some(bound)) if self.operator == Operator::Greater => own > bound,
                    (Some(own), Some(bound)) => own < bound,
                    _ => false,
                }
            }
        }
    }
}

fn token_of(text: &str) -> Option<Token> {
    Some(match text {
        ")" => Token::Close,
        "," => Token::Comma,
        "!" => Token::Not,
        "==" => Token::DoubleEquals,
        "=" => Token::Equals,
        ">" => Token::Greater,
        "in" => Token::In,
        "<" => Token::Less,
        "!=" => Token::NotEquals,
        "notin" => Token::NotIn,
        "(" => Token::Open,
        _ => return None,
    })
}

fn is_special(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn scan(text: &str) -> Vec<(Token, String)> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(is_space);
        let Some(first) = rest.chars().next() else { break };
        if is_special(first) {
            // The longest run of special characters that begins with a token; what follows it is left.
            let run = rest.find(|c| !is_special(c)).unwrap_or(rest.len());
            let mut found = None;
            for end in 1..=run {
                match rest.get(..end).and_then(token_of) {
                    Some(token) => found = Some((token, end)),
                    None if found.is_some() => break,
                    None => (),
                }
            }
            match found {
                Some((token, end)) => {
                    let (literal, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
                    tokens.push((token, literal.to_owned()));
                    rest = tail;
                }
                None => {
                    let (literal, tail) = rest.split_at_checked(run).unwrap_or((rest, ""));
                    tokens.push((Token::Error, format!("error expected: keyword found '{literal}'")));
                    rest = tail;
                }
            }
            continue;
        }
        let end = rest.find(|c| is_special(c) || is_space(c)).unwrap_or(rest.len());
        let (literal, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
        tokens.push((token_of(literal).unwrap_or(Token::Identifier), literal.to_owned()));
        rest = tail;
    }
    tokens.push((Token::End, String::new()));
    tokens
}

struct Parser {
    tokens: Vec<(Token, String)>,
    at: usize,
}

impl Parser {
    /// The token at hand. Where values are expected, `in` and `notin` are words.
    fn peek(&self, values: bool) -> (Token, String) {
        let (token, literal) = self.tokens.get(self.at).cloned().unwrap_or((Token::End, String::new()));
        match token {
            Token::In | Token::NotIn if values => (Token::Identifier, literal),
            token => (token, literal),
        }
    }

    fn next(&mut self, values: bool) -> (Token, String) {
        let token = self.peek(values);
        self.at += 1;
        token
    }

    fn all(&mut self) -> Result<Vec<Requirement>, String> {
        let mut all = Vec::new();
        loop {
            match self.peek(true) {
                (Token::Identifier | Token::Not, _) => {
                    let one = self.one().map_err(|error| format!("unable to parse requirement: {error}"))?;
                    all.push(one);
                    match self.next(true) {
                        (Token::End, _) => return Ok(all),
                        (Token::Comma, _) => {
                            let (token, literal) = self.peek(true);
                            if !matches!(token, Token::Identifier | Token::Not) {
                                return Err(format!("found '{literal}', expected: identifier after ','"));
                            }
                        }
                        (_, literal) => {
                            return Err(format!("found '{literal}', expected: ',' or 'end of string'"));
                        }
                    }
                }
                (Token::End, _) => return Ok(all),
                (_, literal) => {
                    return Err(format!("found '{literal}', expected: !, identifier, or 'end of string'"));
                }
            }
        }
    }

    fn one(&mut self) -> Result<Requirement, String> {
        let (mut token, mut key) = self.next(true);
        let negated = token == Token::Not;
        if negated {
            (token, key) = self.next(true);
        }
        if token != Token::Identifier {
            return Err(format!("found '{key}', expected: identifier"));
        }
        check_key(&key)?;
        let alone = matches!(self.peek(true).0, Token::End | Token::Comma);
        if negated || alone {
            let operator = if negated { Operator::DoesNotExist } else { Operator::Exists };
            return Ok(Requirement { key, operator, values: BTreeSet::new() });
        }
        let operator = match self.next(false) {
            (Token::In, _) => Operator::In,
            (Token::Equals | Token::DoubleEquals, _) => Operator::Equals,
            (Token::Greater, _) => Operator::Greater,
            (Token::Less, _) => Operator::Less,
            (Token::NotIn, _) => Operator::NotIn,
            (Token::NotEquals, _) => Operator::NotEquals,
            (_, literal) => {
                return Err(format!("found '{literal}', expected: '=', '!=', '==', 'in', notin'"));
            }
        };
        let values = match operator {
            Operator::In | Operator::NotIn => self.values()?,
            _ => self.value()?,
        };
        if matches!(operator, Operator::Greater | Operator::Less) {
            for value in &values {
                if value.parse::<i64>().is_err() {
                    return Err("for 'Gt', 'Lt' operators, the value must be an integer".to_owned());
                }
            }
        }
        for value in &values {
            check_value(value).map_err(|why| {
                format!("invalid label value: {}: at key: {}: {why}", quote(value), quote(&key))
            })?;
        }
        Ok(Requirement { key, operator, values })
    }

    fn value(&mut self) -> Result<BTreeSet<String>, String> {
        if matches!(self.peek(true).0, Token::End | Token::Comma) {
            return Ok([String::new()].into());
        }
        match self.next(true) {
            (Token::Identifier, literal) => Ok([literal].into()),
            (_, literal) => Err(format!("found '{literal}', expected: identifier")),
        }
    }

    fn values(&mut self) -> Result<BTreeSet<String>, String> {
        match self.next(true) {
            (Token::Open, _) => (),
            (_, literal) => return Err(format!("found '{literal}' expected: '('")),
        }
        let (token, literal) = self.peek(true);
        match token {
            Token::Identifier | Token::Comma => {
                let values = self.list()?;
                if self.next(true).0 != Token::Close {
                    return Err(format!("found '{literal}', expected: ')'"));
                }
                Ok(values)
            }
            Token::Close => {
                self.next(true);
                Ok([String::new()].into())
            }
            _ => Err(format!("found '{literal}', expected: ',', ')' or identifier")),
        }
    }

    fn list(&mut self) -> Result<BTreeSet<String>, String> {
        let mut values = BTreeSet::new();
        loop {
            match self.next(true) {
                (Token::Identifier, literal) => {
                    values.insert(literal);
                    match self.peek(true) {
                        (Token::Comma, _) => (),
                        (Token::Close, _) => return Ok(values),
                        (_, literal) => return Err(format!("found '{literal}', expected: ',' or ')'")),
                    }
                }
                (Token::Comma, _) => {
                    if values.is_empty() {
                        values.insert(String::new());
                    }
                    match self.peek(true).0 {
                        Token::Close => {
                            values.insert(String::new());
                            return Ok(values);
                        }
                        Token::Comma => {
                            self.next(true);
                            values.insert(String::new());
                        }
                        _ => (),
                    }
                }
                (_, literal) => return Err(format!("found '{literal}', expected: ',', or identifier")),
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && edge(text.chars().next())
        && edge(text.chars().next_back())
}

fn check_key(key: &str) -> Result<(), String> {
    const NAME: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let mut wrong = Vec::new();
    if prefix == Some("") {
        wrong.push("prefix part must be non-empty".to_owned());
    }
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        wrong.push("name part must be no more than 63 characters".to_owned());
    }
    if !is_name(name) {
        wrong.push(NAME.to_owned());
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("invalid label key {}: {}", quote(key), wrong.join("; ")))
}

fn check_value(value: &str) -> Result<(), String> {
    const TEXT: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
    if value.len() > 63 {
        return Err("must be no more than 63 characters".to_owned());
    }
    if !value.is_empty() && !is_name(value) {
        return Err(TEXT.to_owned());
    }
    Ok(())
}
