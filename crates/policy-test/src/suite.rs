//! A file of cases, read.

use crate::case::{Case, CaseSpec, Defaults, OfSuite, known};
use crate::chain::Chain;
use crate::key::TestKey;
use crate::rows::rows;
use crate::substitute::Substitution;
use crate::token::{Mint, TokenSpec};
use gatehouse_config::{Context, Decode as _, Entries, Fields, Problem, Time, Value};
use gatehouse_located_yaml::{Node, Position, Reader, parse_strict};
use serde_json::{Map, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::Path;

/// When cases begin that do not say: 2026-01-01T00:00:00Z, in nanoseconds since the epoch.
const BEGINNING: u64 = 1_767_225_600_000_000_000;

const KEYS: &[&str] = &[
    "config",
    "environment",
    "keys",
    "tokens",
    "defaults",
    "cases",
];

/// The most cases that the tables of a suite may make.
const MAX_CASES: usize = 100_000;

/// The cases of a file, and what they are about.
pub struct Suite {
    pub(crate) chain: Chain,
    /// The cases, in the order of the file.
    pub(crate) cases: Vec<Case>,
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuiteProblem {
    /// The file, as it was named.
    pub file: String,
    /// Where in it; nothing where it could not be read.
    pub position: Option<Position>,
    /// The path in the document, the problem and what to do about it.
    pub problem: Problem,
}

impl fmt::Display for SuiteProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(position) = self.position {
            write!(f, ":{position}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl Suite {
    /// Reads a suite from a file.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file.
    pub fn read(path: &Path) -> Result<Self, Vec<SuiteProblem>> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) => Err(vec![whole(&file, None, error.to_string())]),
        }
    }

    /// Reads a suite from the text of the file at `path`; other files that it names are relative to that.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the text.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Vec<SuiteProblem>> {
        let file = path.display().to_string();
        let mut documents = parse_strict(text)
            .map_err(|error| vec![whole(&file, Some(error.position), error.message)])?;
        let document = match (documents.pop(), documents.len()) {
            (Some(document), 0) => document,
            (None, _) => return Err(vec![whole(&file, None, "empty".to_owned())]),
            (Some(_), more) => {
                let message = format!("{} documents, but a suite is one", more + 1);
                return Err(vec![whole(&file, None, message)]);
            }
        };
        let nothing = |_: &str| None;
        let mut context = Context::new(&nothing);
        let directory = path.parent().unwrap_or(Path::new(""));
        let told = RefCell::default();
        let root = &document.root;
        let suite = decode(root, directory, &told, &mut context);
        let mut problems = context.into_problems();
        problems.append(&mut told.into_inner());
        let problems = located(&file, root, problems);
        match suite {
            Some(suite) if problems.is_empty() => Ok(suite),
            _ => Err(problems),
        }
    }

    /// The names of the cases, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.cases.iter().map(|case| case.name.as_str())
    }
}

fn whole(file: &str, position: Option<Position>, message: String) -> SuiteProblem {
    SuiteProblem {
        file: file.to_owned(),
        position,
        problem: Problem {
            path: String::new(),
            message,
            suggestion: None,
        },
    }
}

/// The problems where they stand, each once, however many rows of a table have it.
fn located(file: &str, root: &Node, problems: Vec<Problem>) -> Vec<SuiteProblem> {
    let mut seen = HashSet::new();
    let mut located: Vec<_> = problems
        .into_iter()
        .filter(|problem| seen.insert((problem.path.clone(), problem.message.clone())))
        .map(|problem| {
            let position = match problem.message.starts_with("unknown field") {
                true => root.key_position(&problem.path),
                false => root.value_position(&problem.path),
            };
            SuiteProblem {
                file: file.to_owned(),
                position: Some(position),
                problem,
            }
        })
        .collect();
    located.sort_by_key(|problem| problem.position);
    located
}

fn decode(
    root: &Node,
    directory: &Path,
    told: &RefCell<Vec<Problem>>,
    context: &mut Context<'_>,
) -> Option<Suite> {
    let value = root.value(Reader::Core);
    let fields = context.object(&value, KEYS)?;
    let mut mint = Mint {
        keys: keys(&fields, directory, context),
        ..Mint::default()
    };
    tokens(&fields, &mut mint, context);
    let none = Map::new();
    let chain = context.at_key("config", |context| match fields.given("config") {
        None => context.problem("required, but missing"),
        Some(config) => {
            let substitution = Substitution {
                mint: &mint,
                now: None,
                columns: &none,
                lenient: true,
            };
            let config = substitution.apply(config, context)?;
            Chain::load(&config, directory, context)
        }
    });
    let environment: Option<Entries<String, String>> =
        fields.field_or("environment", Entries::default, context);
    let defaults = fields.given("defaults").cloned().unwrap_or(json!({}));
    let clusters = chain.as_ref().and_then(Chain::known_clusters);
    let reader = Cases {
        root,
        of_suite: OfSuite {
            mint: &mint,
            environment: environment.as_ref().map_or(&[], |entries| &entries.0),
            clusters: clusters.as_ref(),
        },
        defaults: &defaults,
        told,
    };
    let cases = context.at_key("cases", |context| match fields.given("cases") {
        None => context.problem("required, but missing"),
        Some(Value::Array(items)) if items.is_empty() => {
            context.problem("empty, but needs at least one element")
        }
        Some(Value::Array(items)) => reader.cases(items, context),
        Some(other) => context.expected("a list", other),
    });
    environment.as_ref()?;
    Some(Suite {
        chain: chain?,
        cases: cases?,
    })
}

fn keys(
    fields: &Fields<'_>,
    directory: &Path,
    context: &mut Context<'_>,
) -> BTreeMap<String, TestKey> {
    let declared: Option<Entries<String, Value>> =
        fields.field_or("keys", Entries::default, context);
    context.at_key("keys", |context| {
        let declared = declared.unwrap_or_default().0.into_iter();
        declared
            .filter_map(|(name, value)| {
                let key = context.at_key(&name, |context| {
                    TestKey::load(&name, &value, directory, context)
                })?;
                Some((name, key))
            })
            .collect()
    })
}

/// The tokens that are declared. One that cannot be minted is told of here, and not where it is used.
fn tokens(fields: &Fields<'_>, mint: &mut Mint, context: &mut Context<'_>) {
    let declared: Option<Entries<String, Value>> =
        fields.field_or("tokens", Entries::default, context);
    let declared = declared.unwrap_or_default().0;
    context.at_key("tokens", |context| {
        for (name, value) in &declared {
            let token = context.at_key(name, |context| TokenSpec::decode(value, context));
            match token {
                Some(token) => mint.tokens.insert(name.clone(), token).is_some(),
                None => mint.refused.insert(name.clone()),
            };
        }
        for (name, _) in &declared {
            let Some(token) = mint.tokens.get(name) else {
                continue;
            };
            let minted = context.at_key(name, |context| mint.token(token, BEGINNING, context));
            if minted.is_none() {
                mint.refused.insert(name.clone());
            }
        }
    });
}

/// What cases are read with.
struct Cases<'r> {
    root: &'r Node,
    of_suite: OfSuite<'r>,
    defaults: &'r Value,
    /// What is wrong with the defaults.
    told: &'r RefCell<Vec<Problem>>,
}

impl Cases<'_> {
    fn cases(&self, items: &[Value], context: &mut Context<'_>) -> Option<Vec<Case>> {
        let mut cases = Vec::new();
        let mut names = HashSet::new();
        for (index, item) in items.iter().enumerate() {
            context.at_index(index, |context| {
                let position = self.root.value_position(&context.path());
                let mut rowless = item.clone();
                if let Value::Object(map) = &mut rowless {
                    map.shift_remove("table");
                    map.shift_remove("matrix");
                }
                for row in rows(item, context).unwrap_or_default() {
                    let Some(case) = self.case(&rowless, &row, position, context) else {
                        continue;
                    };
                    if !names.insert(case.name.clone()) {
                        context.problem::<()>(format!("another case is named {:?}", case.name));
                    }
                    cases.push(case);
                    if cases.len() > MAX_CASES {
                        return context.problem(format!("more than {MAX_CASES} cases"));
                    }
                }
                Some(())
            })?;
        }
        Some(cases)
    }

    fn case(
        &self,
        item: &Value,
        row: &Map<String, Value>,
        position: Position,
        context: &mut Context<'_>,
    ) -> Option<Case> {
        let mut item = item.clone();
        if let Value::Object(map) = &mut item {
            name_row(map, row);
        }
        // Where it is wrong, that is told, and whatever else is.
        let now = self.time(&item, row, context).unwrap_or(BEGINNING);
        let columns = Map::new();
        let mut substitution = Substitution {
            mint: self.of_suite.mint,
            now: Some(now),
            columns: &columns,
            lenient: false,
        };
        // A row may name tokens and keys, but not its own columns.
        let columns = context.at_key("table", |context| {
            substitution.apply(&Value::Object(row.clone()), context)
        })?;
        let none = Map::new();
        substitution.columns = columns.as_object().unwrap_or(&none);
        // Defaults first, as a reader meets them; they stand elsewhere, and so do their problems.
        let mut elsewhere = Context::new(context.environment());
        let defaults = elsewhere.at_key("defaults", |context| {
            let defaults = substitution.apply(self.defaults, context)?;
            let defaults = Defaults::decode(&defaults, context)?;
            known(&defaults.callouts, self.of_suite.clusters, context);
            Some(defaults)
        });
        self.told.borrow_mut().extend(elsewhere.into_problems());
        let value = substitution.apply(&item, context)?;
        let spec = CaseSpec::decode(&value, context)?;
        spec.into_case(defaults?, now, position, &self.of_suite, context)
    }

    /// When the case begins.
    fn time(
        &self,
        item: &Value,
        row: &Map<String, Value>,
        context: &mut Context<'_>,
    ) -> Option<u64> {
        let given = item.get("time").or_else(|| self.defaults.get("time"));
        let Some(given) = given else {
            return Some(BEGINNING);
        };
        context.at_key("time", |context| {
            let substitution = Substitution {
                mint: self.of_suite.mint,
                now: None,
                columns: row,
                lenient: false,
            };
            let given = substitution.apply(given, context)?;
            Time::decode(&given, context).map(Time::as_nanos)
        })
    }
}

/// The cases of a table have names of their own: by the columns that the name has, or by the column `name`,
/// or by all of them.
fn name_row(case: &mut Map<String, Value>, row: &Map<String, Value>) {
    let Some(Value::String(name)) = case.get_mut("name") else {
        return;
    };
    if row.is_empty()
        || row
            .keys()
            .any(|column| name.contains(&format!("${{{column}}}")))
    {
        return;
    }
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let own = match row.get("name") {
        Some(own) => text(own),
        None => row.values().map(text).collect::<Vec<_>>().join(", "),
    };
    // What a column says is not read again.
    *name = format!("{name}: {}", own.replace("${", "$${"));
}
