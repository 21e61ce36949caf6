//! The macros with which filters declare the shapes of their configuration.

/// An object with named fields.
///
/// A field of type `Option<T>` may be missing, a field with `= expression` has that default, any
/// other is required. Unknown fields are problems. `as "key"` gives the field another name in the
/// document than in Rust.
///
/// ```
/// gatehouse_config::object! {
///     /// A limit.
///     pub struct Limit {
///         /// Its name.
///         pub name: String,
///         /// How many at once.
///         pub burst: u64 = 1,
///         /// A note.
///         pub note as "comment": Option<String>,
///     }
/// }
/// let no_environment = |_: &str| None;
/// let limit: Limit = gatehouse_config::load(br#"{"name": "a"}"#, &no_environment).unwrap();
/// assert_eq!((limit.name.as_str(), limit.burst), ("a", 1));
/// ```
#[macro_export]
macro_rules! object {
    (
        $(#[$($meta:tt)*])*
        $vis:vis struct $name:ident {
            $($(#[$($field_meta:tt)*])* $field_vis:vis $field:ident $(as $key:literal)? : $type:ty $(= $default:expr)?),* $(,)?
        }
    ) => {
        $(#[$($meta)*])*
        $vis struct $name {
            $($(#[$($field_meta)*])* $field_vis $field: $type,)*
        }

        impl $crate::Decode for $name {
            fn decode(value: &$crate::Value, context: &mut $crate::Context<'_>) -> Option<Self> {
                const KEYS: &[&str] = &[$($crate::object!(@key $field $($key)?)),*];
                let fields = context.object(value, KEYS)?;
                $(let $field: Option<$type> =
                    $crate::object!(@field fields, context, $crate::object!(@key $field $($key)?) $(, $default)?);)*
                Some(Self { $($field: $field?,)* })
            }

            $crate::described!(|schemas| {
                schemas.define::<Self>($crate::documentation!($([$($meta)*])*), |schemas| {
                    schemas.object(|_fields| {
                        $(_fields.field::<$type>(
                            $crate::object!(@key $field $($key)?),
                            $crate::object!(@has_default $($default)?),
                            $crate::documentation!($([$($field_meta)*])*),
                        );)*
                    })
                })
            });
        }
    };
    (@has_default) => { false };
    (@has_default $default:expr) => { true };
    (@key $field:ident $key:literal) => { $key };
    (@key $field:ident) => { stringify!($field) };
    (@field $fields:ident, $context:ident, $key:expr, $default:expr) => {
        $fields.field_or($key, || $default, $context)
    };
    (@field $fields:ident, $context:ident, $key:expr) => { $fields.field($key, $context) };
}

/// One of several things, told apart by its only key: `{header: x-api-key}`.
///
/// A variant without a value is written as a bare word: `consumer`. A variant with
/// `or expression` may be written either way.
///
/// ```
/// gatehouse_config::one_of! {
///     /// Where a key comes from.
///     #[derive(Debug, PartialEq)]
///     pub enum Part {
///         /// The consumer.
///         Consumer = "consumer",
///         /// A header.
///         Header(String) = "header",
///         /// The first bits of an address.
///         Address(u8) = "client_ip" or 32,
///     }
/// }
/// let no_environment = |_: &str| None;
/// let parts: Vec<Part> = gatehouse_config::load(
///     br#"["consumer", {"header": "x"}, "client_ip", {"client_ip": 24}]"#,
///     &no_environment,
/// ).unwrap();
/// assert_eq!(
///     parts,
///     [Part::Consumer, Part::Header("x".into()), Part::Address(32), Part::Address(24)]
/// );
/// ```
#[macro_export]
macro_rules! one_of {
    (
        $(#[$($meta:tt)*])*
        $vis:vis enum $name:ident {
            $($(#[$($variant_meta:tt)*])* $variant:ident $(($type:ty))? = $key:literal $(or $bare:expr)?),* $(,)?
        }
    ) => {
        $(#[$($meta)*])*
        $vis enum $name {
            $($(#[$($variant_meta)*])* $variant $(($type))?,)*
        }

        impl $crate::Decode for $name {
            fn decode(value: &$crate::Value, context: &mut $crate::Context<'_>) -> Option<Self> {
                const KEYS: &[&str] = &[$($key),*];
                let (key, inner) = $crate::only_key(value, KEYS, context)?;
                $($crate::one_of!(@variant $name, key, inner, context, $variant, $key $(, value $type)? $(, bare $bare)?);)*
                None
            }

            $crate::described!(|schemas| {
                schemas.define::<Self>($crate::documentation!($([$($meta)*])*), |_schemas| {
                    $crate::schema::one_key(vec![$((
                        $key,
                        $crate::documentation!($([$($variant_meta)*])*),
                        $crate::one_of!(@value _schemas $($type)?),
                        $crate::one_of!(@is_bare $(value ($type))? $(bare $bare)?),
                    )),*])
                })
            });
        }
    };
    (@value $schemas:ident) => { None };
    (@value $schemas:ident $type:ty) => { Some($schemas.of::<$type>()) };
    (@is_bare) => { true };
    (@is_bare value ($type:ty)) => { false };
    (@is_bare value ($type:ty) bare $bare:expr) => { true };
    (@variant $name:ident, $given:ident, $inner:ident, $context:ident, $variant:ident, $key:literal) => {
        if $given == $key {
            return match $inner {
                None => Some($name::$variant),
                Some(_) => $context.problem_hint(
                    concat!("\"", $key, "\" takes no value"),
                    concat!("write \"", $key, "\" alone"),
                ),
            };
        }
    };
    (@variant $name:ident, $given:ident, $inner:ident, $context:ident, $variant:ident, $key:literal, value $type:ty) => {
        if $given == $key {
            return match $inner {
                Some(inner) => $context
                    .at_key($key, |context| <$type as $crate::Decode>::decode(inner, context))
                    .map($name::$variant),
                None => $context.problem_hint(
                    concat!("\"", $key, "\" needs a value"),
                    concat!("write {", $key, ": …}"),
                ),
            };
        }
    };
    (@variant $name:ident, $given:ident, $inner:ident, $context:ident, $variant:ident, $key:literal, value $type:ty, bare $bare:expr) => {
        if $given == $key {
            return match $inner {
                Some(inner) => $context
                    .at_key($key, |context| <$type as $crate::Decode>::decode(inner, context))
                    .map($name::$variant),
                None => Some($name::$variant($bare)),
            };
        }
    };
}

/// A word out of a fixed list, in lower snake case.
///
/// ```
/// gatehouse_config::keywords! {
///     /// What a filter does with its denials.
///     #[derive(Debug, PartialEq)]
///     pub enum Mode {
///         /// They are answered.
///         Enforce = "enforce",
///         /// They are counted.
///         Report = "report",
///     }
/// }
/// let no_environment = |_: &str| None;
/// let refused = gatehouse_config::load::<Mode>(br#""reprot""#, &no_environment).unwrap_err();
/// assert_eq!(refused.to_string(), r#"unknown word "reprot" (did you mean "report"?)"#);
/// ```
#[macro_export]
macro_rules! keywords {
    (
        $(#[$($meta:tt)*])*
        $vis:vis enum $name:ident {
            $($(#[$($variant_meta:tt)*])* $variant:ident = $key:literal),* $(,)?
        }
    ) => {
        $(#[$($meta)*])*
        $vis enum $name {
            $($(#[$($variant_meta)*])* $variant,)*
        }

        impl $crate::Decode for $name {
            fn decode(value: &$crate::Value, context: &mut $crate::Context<'_>) -> Option<Self> {
                const KEYS: &[&str] = &[$($key),*];
                let $crate::Value::String(given) = value else {
                    return context.expected(concat!("one of" $(, " ", $key)*), value);
                };
                match given.as_str() {
                    $($key => Some($name::$variant),)*
                    given => context.unknown(
                        format!("unknown word {given:?}"), given, KEYS.iter().copied(),
                    ),
                }
            }

            $crate::described!(|_schemas| $crate::schema::value!({"enum": [$($key),*]}));
        }
    };
}

/// Says what a type takes that decodes by hand; for the inside of its `impl Decode`. Nothing of it is compiled for wasm.
///
/// - `described!(text);`, `described!(text not empty);`, `described!(text "pattern");`: a text
/// - `described!(as Other);`: what another type takes
/// - `described!(|schemas| …);`: a schema, out of `schema::Schemas`
/// - `described!(pub |schemas| …);`: the same for what has no `impl Decode`, since it decodes with more than a value
#[macro_export]
macro_rules! described {
    (text) => { $crate::described!(|_schemas| $crate::schema::value!({"type": "string"})); };
    (text not empty) => {
        $crate::described!(|_schemas| $crate::schema::value!({"type": "string", "minLength": 1}));
    };
    (text $pattern:expr) => { $crate::described!(|_schemas| $crate::schema::text($pattern)); };
    (as $other:ty) => { $crate::described!(|schemas| schemas.of::<$other>()); };
    (pub |$schemas:ident| $schema:expr) => {
        /// What it takes, as JSON Schema.
        #[cfg(not(target_arch = "wasm32"))]
        pub(crate) fn schema($schemas: &mut $crate::schema::Schemas) -> $crate::Value {
            $schema
        }
    };
    (|$schemas:ident| $schema:expr) => {
        #[cfg(not(target_arch = "wasm32"))]
        fn schema($schemas: &mut $crate::schema::Schemas) -> $crate::Value {
            $schema
        }
    };
}

/// The text of documentation comments among attributes; for the macros of shapes.
#[doc(hidden)]
#[macro_export]
macro_rules! documentation {
    ($([$($attribute:tt)*])*) => { concat!("" $(, $crate::documentation!(@ $($attribute)*))*) };
    (@ doc = $text:literal) => { $text };
    (@ $($other:tt)*) => { "" };
}

/// The only key of an object, or a bare word, among the known ones; for [`one_of!`].
#[doc(hidden)]
pub fn only_key<'v>(
    value: &'v crate::Value,
    known: &[&str],
    context: &mut crate::Context<'_>,
) -> Option<(&'v str, Option<&'v crate::Value>)> {
    let (key, inner) = match value {
        crate::Value::String(word) => (word.as_str(), None),
        crate::Value::Object(map) => {
            let mut entries = map.iter();
            match (entries.next(), entries.next()) {
                (Some((key, inner)), None) => (key.as_str(), Some(inner)),
                (None, _) => {
                    return context
                        .problem(format!("empty, but needs one of {}", known.join(", ")));
                }
                _ => {
                    let given: Vec<&str> = map.keys().map(String::as_str).collect();
                    return context.problem(format!(
                        "{} at once, but only one of {} can stand here",
                        given.join(" and "),
                        known.join(", "),
                    ));
                }
            }
        }
        other => return context.expected(&format!("one of {}", known.join(", ")), other),
    };
    if !known.contains(&key) {
        let message = match inner {
            None => format!("unknown word {key:?}"),
            Some(_) => "unknown field".to_owned(),
        };
        return match inner {
            None => context.unknown(message, key, known.iter().copied()),
            Some(_) => context.at_key(key, |context| {
                context.unknown(message, key, known.iter().copied())
            }),
        };
    }
    Some((key, inner))
}
