//! The functions on versions, and `*semver.Version` as templates see it.

use super::{
    call::Out,
    semver::{Constraints, Version},
};
use crate::render::gotemplate::{
    Args, Context, Failure, Function, Kind, Object, Str, Type, Value,
    value::{UintKind, object},
};

const VERSION: Type = Type::Object("*semver.Version");
const NUMBER: Type = Type::Uint(UintKind::Uint64);

/// The functions of this family.
pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("semver", &[Type::String], VERSION, |_, args| Ok(object(version(args.str(0)?)?))),
    Function::new("semverCompare", &[Type::String, Type::String], Type::Bool, compare),
];

fn version(text: &Str) -> Result<Version, Failure> {
    // Text that is no UTF-8 is no version, and stays none when it is made UTF-8.
    Version::parse(&text.to_text()).map_err(|error| error.to_string().into())
}

fn compare(context: &mut dyn Context, args: Args<'_>) -> Out {
    context.charge(8)?;
    let constraints = Constraints::parse(&args.str(0)?.to_text()).map_err(|error| error.to_string())?;
    Ok(constraints.check(&version(args.str(1)?)?).into())
}

impl Object for Version {
    fn type_name(&self) -> &'static str {
        "*semver.Version"
    }

    fn kind(&self) -> Kind {
        Kind::Pointer
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        METHODS.iter().find(|it| it.name == name)
    }

    fn text(&self) -> Option<Str> {
        Some(self.to_string().into())
    }

    fn equals(&self, other: &dyn Object) -> Option<bool> {
        other.as_any().downcast_ref::<Self>().map(|other| self == other)
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// What `IncPatch` and its like give: the struct itself, not a pointer to it.
#[derive(Clone, Debug)]
struct Plain(Version);

impl Object for Plain {
    fn type_name(&self) -> &'static str {
        "semver.Version"
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        // Those that change nothing are methods of the struct too.
        const OF_STRUCT: [&str; 11] = [
            "String",
            "Major",
            "Minor",
            "Patch",
            "Prerelease",
            "Metadata",
            "IncPatch",
            "IncMinor",
            "IncMajor",
            "SetPrerelease",
            "SetMetadata",
        ];
        OF_STRUCT.contains(&name).then(|| METHODS.iter().find(|it| it.name == name)).flatten()
    }

    fn text(&self) -> Option<Str> {
        Some(self.0.to_string().into())
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

fn this(args: Args<'_>) -> Result<&Version, Failure> {
    args.object::<Version>(0).or_else(|_| Ok(&args.object::<Plain>(0)?.0))
}

fn number(of: u64) -> Out {
    Ok(Value::Uint(of, UintKind::Uint64))
}

fn next(version: Option<Version>, part: &str) -> Out {
    match version {
        Some(version) => Ok(object(Plain(version))),
        None => Err(format!("{part} version increment would overflow uint64").into()),
    }
}

fn changed(version: Result<Version, super::semver::Error>) -> Out {
    Ok(object(Plain(version.map_err(|error| error.to_string())?)))
}

const STRUCT: Type = Type::Object("semver.Version");

static METHODS: &[Function] = &[
    Function::new("String", &[], Type::String, |_, args| Ok(this(args)?.to_string().into())),
    Function::new("Original", &[], Type::String, |_, args| Ok(this(args)?.original.as_str().into())),
    Function::new("Major", &[], NUMBER, |_, args| number(this(args)?.major)),
    Function::new("Minor", &[], NUMBER, |_, args| number(this(args)?.minor)),
    Function::new("Patch", &[], NUMBER, |_, args| number(this(args)?.patch)),
    Function::new("Prerelease", &[], Type::String, |_, args| Ok(this(args)?.prerelease.as_str().into())),
    Function::new("Metadata", &[], Type::String, |_, args| Ok(this(args)?.metadata.as_str().into())),
    Function::new("IncPatch", &[], STRUCT, |_, args| next(this(args)?.next_patch(), "patch")),
    Function::new("IncMinor", &[], STRUCT, |_, args| next(this(args)?.next_minor(), "minor")),
    Function::new("IncMajor", &[], STRUCT, |_, args| next(this(args)?.next_major(), "major")),
    Function::new("SetPrerelease", &[Type::String], STRUCT, |_, args| {
        changed(this(args)?.with_prerelease(&args.str(1)?.to_text()))
    }),
    Function::new("SetMetadata", &[Type::String], STRUCT, |_, args| {
        changed(this(args)?.with_metadata(&args.str(1)?.to_text()))
    }),
    Function::new("Compare", &[VERSION], Type::INT, |_, args| {
        Ok(Value::int(i64::from(this(args)?.compare(args.object(1)?) as i8)))
    }),
    Function::new("Equal", &[VERSION], Type::Bool, |_, args| {
        Ok(this(args)?.compare(args.object(1)?).is_eq().into())
    }),
    Function::new("LessThan", &[VERSION], Type::Bool, |_, args| {
        Ok(this(args)?.compare(args.object(1)?).is_lt().into())
    }),
    Function::new("LessThanEqual", &[VERSION], Type::Bool, |_, args| {
        Ok(this(args)?.compare(args.object(1)?).is_le().into())
    }),
    Function::new("GreaterThan", &[VERSION], Type::Bool, |_, args| {
        Ok(this(args)?.compare(args.object(1)?).is_gt().into())
    }),
    Function::new("GreaterThanEqual", &[VERSION], Type::Bool, |_, args| {
        Ok(this(args)?.compare(args.object(1)?).is_ge().into())
    }),
];
