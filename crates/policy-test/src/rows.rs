//! `table` and `matrix`: one case for each row.

use gatehouse_config::{Context, Value};
use serde_json::Map;

/// The most rows that a matrix may have.
const MAX_ROWS: usize = 10_000;

/// The rows of a case: one without columns where it has neither a `table` nor a `matrix`.
pub(crate) fn rows(case: &Value, context: &mut Context<'_>) -> Option<Vec<Map<String, Value>>> {
    match (case.get("table"), case.get("matrix")) {
        (None, None) => Some(vec![Map::new()]),
        (Some(_), Some(_)) => context.problem("table and matrix at once"),
        (Some(table), None) => context.at_key("table", |context| from_table(table, context)),
        (None, Some(matrix)) => context.at_key("matrix", |context| from_matrix(matrix, context)),
    }
}

/// A list of rows, all with the same columns.
fn from_table(table: &Value, context: &mut Context<'_>) -> Option<Vec<Map<String, Value>>> {
    let Value::Array(items) = table else {
        return context.expected("a list of rows", table);
    };
    let mut rows: Vec<Map<String, Value>> = Vec::new();
    let before = context.problem_count();
    for (index, item) in items.iter().enumerate() {
        context.at_index(index, |context| {
            let Value::Object(row) = item else {
                return context.expected("an object, with a value for each column", item);
            };
            if let Some(first) = rows.first() {
                for column in first.keys().filter(|column| !row.contains_key(*column)) {
                    context.problem::<()>(format!("lacks the column {column:?} of the first row"));
                }
                for column in row.keys().filter(|column| !first.contains_key(*column)) {
                    context.at_key(column, |context| {
                        let columns = first.keys().map(String::as_str);
                        context.unknown::<()>("no column of the first row", column, columns)
                    });
                }
            }
            rows.push(row.clone());
            Some(())
        });
    }
    if items.is_empty() {
        return context.problem("empty, but needs at least one element");
    }
    (context.problem_count() == before).then_some(rows)
}

/// Columns with their values; a row for each combination, the last column fastest.
fn from_matrix(matrix: &Value, context: &mut Context<'_>) -> Option<Vec<Map<String, Value>>> {
    let Value::Object(columns) = matrix else {
        return context.expected("an object, with a list for each column", matrix);
    };
    if columns.is_empty() {
        return context.problem("empty, but needs at least one column");
    }
    let mut rows = vec![Map::new()];
    for (column, values) in columns {
        rows = context.at_key(column, |context| {
            let Value::Array(values) = values else {
                return context.expected("a list", values);
            };
            if values.is_empty() {
                return context.problem("empty, but needs at least one element");
            }
            if rows.len().saturating_mul(values.len()) > MAX_ROWS {
                return context.problem(format!("more than {MAX_ROWS} rows"));
            }
            let wider = rows.iter().flat_map(|row| {
                values.iter().map(move |value| {
                    let mut row = row.clone();
                    row.insert(column.clone(), value.clone());
                    row
                })
            });
            Some(wider.collect())
        })?;
    }
    Some(rows)
}
