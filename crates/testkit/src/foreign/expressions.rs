//! `expr_create`, `expr_evaluate` and `expr_delete`: CEL, by the crate `cel`.
//!
//! An unknown identifier is found only when the expression is evaluated, as in Envoy. What an expression sees is the context
//! that is called, whichever the module has entered: in the callback of a callout or a tick there is no request.

use super::Answer;
use crate::imports::{BAD_ARGUMENT, INTERNAL_FAILURE, NOT_FOUND, SERIALIZATION_FAILURE};
use crate::vm::State;
use crate::{Level, Value};
use cel::objects::{Key, Map};
use cel::{Context, Program};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

/// The expressions of a VM's root context.
#[derive(Default)]
pub(crate) struct Expressions {
    programs: BTreeMap<u32, Rc<Program>>,
    next: u32,
}

pub(super) fn create(state: &mut State, text: &[u8]) -> Answer {
    let text = std::str::from_utf8(text).map_err(|_| BAD_ARGUMENT)?;
    match compile(text) {
        Ok(program) => {
            let token = state.expressions.next;
            state.expressions.next += 1;
            state.expressions.programs.insert(token, Rc::new(program));
            Ok(token.to_le_bytes().to_vec())
        }
        Err(error) => {
            state.log(Level::Info, format!("expr_create parse error: {error}"));
            Err(BAD_ARGUMENT)
        }
    }
}

fn compile(text: &str) -> Result<Program, String> {
    Program::compile(text).map_err(|error| error.to_string())
}

pub(super) fn evaluate(state: &mut State, token: &[u8]) -> Answer {
    let token = number(token)?;
    let program = state
        .expressions
        .programs
        .get(&token)
        .cloned()
        .ok_or(NOT_FOUND)?;
    let mut context = Context::default();
    let entered = std::mem::take(&mut state.effective);
    for name in state.identifiers() {
        if let Some(value) = state.root_value(&name) {
            context.add_variable_from_value(name, to_cel(&value));
        }
    }
    state.effective = entered;
    match program.execute(&context) {
        Ok(value) => from_cel(&value)
            .and_then(|value| value.serialize())
            .ok_or(SERIALIZATION_FAILURE),
        Err(error) => {
            state.log(Level::Debug, format!("expr_evaluate error: {error}"));
            Err(INTERNAL_FAILURE)
        }
    }
}

pub(super) fn delete(state: &mut State, token: &[u8]) -> Answer {
    let token = number(token)?;
    state.expressions.programs.remove(&token);
    Ok(Vec::new())
}

fn number(token: &[u8]) -> Result<u32, u32> {
    token
        .try_into()
        .map(u32::from_le_bytes)
        .map_err(|_| BAD_ARGUMENT)
}

fn to_cel(value: &Value) -> cel::Value {
    match value {
        Value::String(text) => cel::Value::String(Arc::new(text.clone())),
        Value::Bytes(bytes) => cel::Value::Bytes(Arc::new(bytes.clone())),
        Value::Int(number) => cel::Value::Int(*number),
        Value::Uint(number) => cel::Value::UInt(*number),
        Value::Double(number) => cel::Value::Float(*number),
        Value::Bool(value) => cel::Value::Bool(*value),
        Value::Timestamp(nanos) => {
            cel::Value::Timestamp(chrono::DateTime::from_timestamp_nanos(*nanos).fixed_offset())
        }
        Value::Duration(nanos) => cel::Value::Duration(chrono::Duration::nanoseconds(*nanos)),
        Value::List(items) => cel::Value::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Map(map) | Value::Message(_, map) => {
            let entry = |(name, value): (&String, &Value)| {
                (Key::String(Arc::new(name.clone())), to_cel(value))
            };
            let map: HashMap<_, _> = map.iter().map(entry).collect();
            cel::Value::Map(Map { map: Arc::new(map) })
        }
        Value::Null => cel::Value::Null,
    }
}

fn from_cel(value: &cel::Value) -> Option<Value> {
    Some(match value {
        cel::Value::String(text) => Value::String(text.as_ref().clone()),
        cel::Value::Bytes(bytes) => Value::Bytes(bytes.as_ref().clone()),
        cel::Value::Int(number) => Value::Int(*number),
        cel::Value::UInt(number) => Value::Uint(*number),
        cel::Value::Float(number) => Value::Double(*number),
        cel::Value::Bool(value) => Value::Bool(*value),
        cel::Value::Timestamp(time) => Value::Timestamp(time.timestamp_nanos_opt()?),
        cel::Value::Duration(duration) => Value::Duration(duration.num_nanoseconds()?),
        cel::Value::List(items) => Value::List(items.iter().map(from_cel).collect::<Option<_>>()?),
        cel::Value::Map(map) => {
            let entry = |(key, value): (&Key, &cel::Value)| match key {
                Key::String(name) => Some((name.as_ref().clone(), from_cel(value)?)),
                _ => None,
            };
            Value::Map(map.map.iter().map(entry).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}
