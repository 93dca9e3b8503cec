//! A node as source again, for messages.

use super::{
    strconv::quote_bytes,
    tree::{Branch, Form, Id, Unit},
};

impl Unit {
    /// What Go's `Node.String` gives.
    pub(super) fn show(&self, id: Id) -> String {
        let mut out = Vec::new();
        self.write(&mut out, id);
        String::from_utf8_lossy(&out).into_owned()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>, id: Id) {
        match self.node(id).form {
            Form::List(run) => self.children(run).iter().for_each(|child| self.write(out, *child)),
            Form::Text { start, end } => out.extend_from_slice(self.slice(start, end)),
            Form::Action(pipe) => {
                out.extend_from_slice(b"{{");
                self.write(out, pipe);
                out.extend_from_slice(b"}}");
            }
            Form::If(branch) => self.branch(out, "if", branch),
            Form::With(branch) => self.branch(out, "with", branch),
            Form::Range(branch) => self.branch(out, "range", branch),
            Form::Template { name, pipe } => {
                out.extend_from_slice(b"{{template ");
                out.extend(quote_bytes(self.name_of(name), b'"', false));
                if let Some(pipe) = pipe {
                    out.push(b' ');
                    self.write(out, pipe);
                }
                out.extend_from_slice(b"}}");
            }
            Form::Break => out.extend_from_slice(b"{{break}}"),
            Form::Continue => out.extend_from_slice(b"{{continue}}"),
            Form::End => out.extend_from_slice(b"{{end}}"),
            Form::Else => out.extend_from_slice(b"{{else}}"),
            Form::Pipe { variables, commands, assigns } => {
                for (at, variable) in self.children(variables).iter().enumerate() {
                    out.extend_from_slice(if at > 0 { b", " } else { b"" });
                    self.write(out, *variable);
                }
                if variables.len > 0 {
                    out.extend_from_slice(if assigns { b" = " } else { b" := " });
                }
                for (at, command) in self.children(commands).iter().enumerate() {
                    out.extend_from_slice(if at > 0 { b" | " } else { b"" });
                    self.write(out, *command);
                }
            }
            Form::Command(args) => {
                for (at, arg) in self.children(args).iter().enumerate() {
                    out.extend_from_slice(if at > 0 { b" " } else { b"" });
                    self.operand(out, *arg);
                }
            }
            Form::Field(fields) => self.dotted(out, fields),
            Form::Chain { of, fields } => {
                self.operand(out, of);
                self.dotted(out, fields);
            }
            Form::Variable { name, fields } => {
                out.extend_from_slice(self.name_of(name));
                self.dotted(out, fields);
            }
            Form::Function { name, .. } => out.extend_from_slice(self.name_of(name)),
            Form::Dot => out.push(b'.'),
            Form::Nil => out.extend_from_slice(b"nil"),
            Form::Bool(truth) => out.extend_from_slice(if truth { b"true" } else { b"false" }),
            Form::Number { start, end, .. } | Form::String { start, end, .. } => {
                out.extend_from_slice(self.slice(start, end));
            }
        }
    }

    /// A pipeline within a command stands in parentheses.
    fn operand(&self, out: &mut Vec<u8>, id: Id) {
        let is_pipe = matches!(self.node(id).form, Form::Pipe { .. });
        out.extend_from_slice(if is_pipe { b"(" } else { b"" });
        self.write(out, id);
        out.extend_from_slice(if is_pipe { b")" } else { b"" });
    }

    fn dotted(&self, out: &mut Vec<u8>, fields: super::tree::Run) {
        for field in self.fields(fields) {
            out.push(b'.');
            out.extend_from_slice(self.name_of(*field));
        }
    }

    fn branch(&self, out: &mut Vec<u8>, word: &str, branch: Branch) {
        out.extend_from_slice(b"{{");
        out.extend_from_slice(word.as_bytes());
        out.push(b' ');
        self.write(out, branch.pipe);
        out.extend_from_slice(b"}}");
        self.write(out, branch.list);
        if let Some(otherwise) = branch.otherwise {
            out.extend_from_slice(b"{{else}}");
            self.write(out, otherwise);
        }
        out.extend_from_slice(b"{{end}}");
    }
}
