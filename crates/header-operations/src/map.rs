//! Setting a header to what stands for a value in a table.

use crate::names::Editable;
use crate::operation::{Outcome, Side};
use crate::place::Place;
use gatehouse_config::{Context, Entries, HeaderName, HeaderValue, Value};
use gatehouse_host::{Only, Result};
use gatehouse_template::{Rendered, Template};

/// The table, and where its keys come from.
#[derive(Debug, Clone)]
pub(crate) struct Map {
    pub(crate) name: HeaderName,
    from: Source,
    /// Sorted by their keys.
    values: Vec<(Box<str>, HeaderValue)>,
    default: Option<HeaderValue>,
}

#[derive(Debug, Clone)]
enum Source {
    /// The only value of this header.
    Header(HeaderName),
    Value(Template),
}

impl Map {
    gatehouse_config::described!(pub |schemas| schemas.object(|fields| {
        fields.field::<Editable>("name", false, "");
        fields.optional::<Editable>("from");
        fields.optional::<String>("value");
        fields.field::<Entries<String, HeaderValue>>("values", false, "");
        fields.optional::<HeaderValue>("default");
    }));

    pub(crate) fn read(place: Place<'_>, value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let fields = context.object(value, &["name", "from", "value", "values", "default"])?;
        let name: Option<Editable> = fields.field("name", context);
        let from: Option<Option<Editable>> = fields.field("from", context);
        let template: Option<Option<Value>> = fields.field("value", context);
        let template = template.and_then(|value| match value {
            None => Some(None),
            Some(value) => context
                // The table is the operator's: whatever the key, the header gets what it says.
                .at_key("value", |context| place.value(None, &value, context))
                .map(Some),
        });
        let values: Option<Entries<String, HeaderValue>> = fields.field("values", context);
        let default = fields.field("default", context);
        let (name, from) = (name?.0, from?);
        let from = match (from, template?) {
            (Some(_), Some(_)) => {
                return context
                    .problem("from and value at once, but the key comes from one of them");
            }
            (None, Some(template)) => Source::Value(template),
            (Some(from), None) => Source::Header(from.0),
            (None, None) => Source::Header(name.clone()),
        };
        let mut sorted: Vec<(Box<str>, HeaderValue)> = Vec::new();
        for (key, value) in values?.0 {
            let at = sorted.partition_point(|(known, _)| **known < *key);
            sorted.insert(at, (key.into(), value));
        }
        if sorted.is_empty() {
            return context.at_key("values", |context| {
                context.problem("empty, but needs at least one")
            });
        }
        Some(Self {
            name,
            from,
            values: sorted,
            default: default?,
        })
    }

    pub(crate) fn template(&self) -> Option<&Template> {
        match &self.from {
            Source::Header(_) => None,
            Source::Value(template) => Some(template),
        }
    }

    /// Without a value in the table, and without a default, the header is removed.
    pub(crate) fn apply(&self, side: &mut dyn Side) -> Result<Outcome> {
        let found = match &self.from {
            Source::Header(from) => match side.headers()?.only(from) {
                Only::One(key) => self.find(key),
                Only::Absent | Only::Several => None,
            },
            Source::Value(template) => match template.render(side)? {
                Rendered::Value(key) => self.find(&key),
                Rendered::Missing | Rendered::Unsafe => None,
            },
        };
        match found.or(self.default.as_ref()) {
            Some(value) => side.set(&self.name, value.as_bytes())?,
            None => side.remove(&self.name)?,
        }
        Ok(Outcome::Done)
    }

    fn find(&self, key: &[u8]) -> Option<&HeaderValue> {
        let at = self
            .values
            .binary_search_by(|(known, _)| known.as_bytes().cmp(key));
        self.values.get(at.ok()?).map(|(_, value)| value)
    }
}
