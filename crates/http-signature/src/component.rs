//! Component identifiers (RFC 9421, section 2).
//!
//! Refused, in this order:
//!
//! 1. an identifier that is not a string;
//! 2. `req` and `tr`: what belongs to responses, and trailers, which a request's headers come without;
//! 3. a derived component that is unknown, or that no request has (`@status`, `@signature-params`);
//! 4. a field name that is not one in lower case: it could be that of a pseudo-header;
//! 5. a parameter that is unknown, of the wrong type, or does not belong there;
//! 6. `bs` together with `sf` or `key` (section 2.1), and `@query-param` without `name`.

use std::fmt;

use sfv::{BareItem, Item, ItemSerializer, Parameters, Parser};

/// A component of a request that a signature covers, or must cover.
#[derive(Debug, Clone)]
pub struct Component {
    pub(crate) source: Source,
    /// As it stands in the signature base.
    pub(crate) identifier: String,
}

/// Where the value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Method,
    TargetUri,
    Authority,
    Scheme,
    RequestTarget,
    Path,
    Query,
    /// The name, encoded.
    QueryParam(String),
    /// The name in lower case.
    Field(String, Form),
}

/// What is made of the lines of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// Joined by commas.
    Joined,
    /// `sf`: the strict form of the structured field.
    Structured,
    /// `key`: the strict form of a member of the dictionary.
    Member(String),
    /// `bs`: each line as a byte sequence.
    Wrapped,
}

/// Why a component identifier was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ComponentError {
    /// It is not a string, with or without parameters.
    NotAString,
    /// It has the parameter `req`, and this is a request.
    OfTheRequest,
    /// It has the parameter `tr`: trailers are not there when a request is decided.
    Trailer,
    /// There is no such derived component.
    UnknownDerived,
    /// Requests have no such derived component.
    NotOfRequests,
    /// It is not a field name in lower case.
    NotAFieldName,
    /// It has a parameter that is unknown or does not belong there.
    UnknownParameter,
    /// A parameter is of the wrong type.
    WrongParameterType,
    /// Its parameters exclude each other.
    Incompatible,
    /// `@query-param` lacks `name`.
    MissingName,
}

impl Component {
    /// Reads an identifier as an operator writes it: a name (`@method`, `content-digest`), or an
    /// identifier as in `Signature-Input` (`"@query-param";name="id"`).
    ///
    /// # Errors
    /// Where it is none, or not one of requests.
    pub fn parse(text: &str) -> Result<Self, ComponentError> {
        if text.starts_with('"') {
            let item = Parser::new(text).parse::<Item>();
            return Self::from_item(&item.map_err(|_| ComponentError::NotAString)?);
        }
        let name = sfv::StringRef::from_str(text).map_err(|_| ComponentError::NotAFieldName)?;
        Self::from_item(&Item::new(name))
    }

    pub(crate) fn from_item(item: &Item) -> Result<Self, ComponentError> {
        let BareItem::String(name) = &item.bare_item else {
            return Err(ComponentError::NotAString);
        };
        if item.params.contains_key(sfv::key_ref("req")) {
            return Err(ComponentError::OfTheRequest);
        }
        if item.params.contains_key(sfv::key_ref("tr")) {
            return Err(ComponentError::Trailer);
        }
        let source = match name.as_str().starts_with('@') {
            true => derived(name.as_str(), &item.params)?,
            false => field(name.as_str(), &item.params)?,
        };
        let identifier = ItemSerializer::new()
            .bare_item(&item.bare_item)
            .parameters(&item.params)
            .finish();
        Ok(Self { source, identifier })
    }

    /// The identifier as it stands in a signature base.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// Whether a signature that covers this covers `required` as well: it is the same, or
    /// determines its value.
    ///
    /// `@target-uri` has scheme, authority, path and query in it, `@query` every parameter; a field
    /// with `sf` or `bs` is the whole field. `@request-target` stands for itself only, since it has
    /// four forms.
    pub fn covers(&self, required: &Self) -> bool {
        use Source::{Authority, Field, Path, Query, QueryParam, Scheme, TargetUri};
        match (&self.source, &required.source) {
            (TargetUri, Scheme | Authority | Path | Query | QueryParam(_))
            | (Query, QueryParam(_)) => true,
            (Field(name, Form::Structured | Form::Wrapped), Field(whole, Form::Joined)) => {
                name == whole
            }
            (source, required) => source == required,
        }
    }
}

/// Two identifiers are the same if they ask for the same value: the order of parameters does not
/// matter (section 2), nor does `sf` beside `key` (section 2.1.2).
impl PartialEq for Component {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Component {}

fn derived(name: &str, parameters: &Parameters) -> Result<Source, ComponentError> {
    let source = match name {
        "@method" => Source::Method,
        "@target-uri" => Source::TargetUri,
        "@authority" => Source::Authority,
        "@scheme" => Source::Scheme,
        "@request-target" => Source::RequestTarget,
        "@path" => Source::Path,
        "@query" => Source::Query,
        "@query-param" => return query_param(parameters),
        "@status" | "@signature-params" => return Err(ComponentError::NotOfRequests),
        _ => return Err(ComponentError::UnknownDerived),
    };
    if !parameters.is_empty() {
        return Err(ComponentError::UnknownParameter);
    }
    Ok(source)
}

fn query_param(parameters: &Parameters) -> Result<Source, ComponentError> {
    let mut name = None;
    for (key, value) in parameters {
        if key.as_str() != "name" {
            return Err(ComponentError::UnknownParameter);
        }
        name = Some(text(value)?);
    }
    name.map(Source::QueryParam)
        .ok_or(ComponentError::MissingName)
}

fn field(name: &str, parameters: &Parameters) -> Result<Source, ComponentError> {
    if !is_field_name(name) {
        return Err(ComponentError::NotAFieldName);
    }
    let (mut structured, mut wrapped, mut member) = (false, false, None);
    for (key, value) in parameters {
        match key.as_str() {
            "sf" => structured = flag(value)?,
            "bs" => wrapped = flag(value)?,
            "key" => member = Some(text(value)?),
            _ => return Err(ComponentError::UnknownParameter),
        }
    }
    let form = match (wrapped, member, structured) {
        (true, None, false) => Form::Wrapped,
        (true, ..) => return Err(ComponentError::Incompatible),
        (false, Some(member), _) => Form::Member(member),
        (false, None, true) => Form::Structured,
        (false, None, false) => Form::Joined,
    };
    Ok(Source::Field(name.to_owned(), form))
}

/// A flag is true where it is there at all: `;sf=?0` is nothing that the RFC knows.
fn flag(value: &BareItem) -> Result<bool, ComponentError> {
    match value {
        BareItem::Boolean(true) => Ok(true),
        _ => Err(ComponentError::WrongParameterType),
    }
}

fn text(value: &BareItem) -> Result<String, ComponentError> {
    match value {
        BareItem::String(text) => Ok(text.as_str().to_owned()),
        _ => Err(ComponentError::WrongParameterType),
    }
}

/// A token (RFC 9110, section 5.1) in lower case.
fn is_field_name(name: &str) -> bool {
    let is_token = |byte: u8| match byte {
        b'a'..=b'z' | b'0'..=b'9' => true,
        _ => b"!#$%&'*+-.^_`|~".contains(&byte),
    };
    !name.is_empty() && name.bytes().all(is_token)
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.identifier)
    }
}

impl fmt::Display for ComponentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAString => "is not a string with parameters",
            Self::OfTheRequest => "has the parameter req, which only responses have",
            Self::Trailer => "is a trailer, which is not there when a request is decided",
            Self::UnknownDerived => "is not a derived component",
            Self::NotOfRequests => "is not a component of requests",
            Self::NotAFieldName => "is not a field name in lower case",
            Self::UnknownParameter => "has a parameter that does not belong there",
            Self::WrongParameterType => "has a parameter of the wrong type",
            Self::Incompatible => "has parameters that exclude each other",
            Self::MissingName => "lacks the parameter name",
        })
    }
}

impl std::error::Error for ComponentError {}

#[cfg(test)]
mod tests;
