//! Metrics (`Context::defineMetric` and its like).

use super::{BAD_ARGUMENT, NOT_FOUND, host_call};
use crate::metrics::{Kind, Metric};
use crate::vm::State;
use wasmtime::{Caller, Linker, Result};

impl State {
    /// The kind and name of what this VM knows by a number: the kind is in its lowest bits.
    fn metric(&self, id: u32) -> std::result::Result<(Kind, String), u32> {
        self.metrics
            .get(&id)
            .cloned()
            .ok_or(match Kind::of(id & 3) {
                Some(_) => NOT_FOUND,
                None => BAD_ARGUMENT,
            })
    }
}

pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(
        "env",
        "proxy_define_metric",
        |caller: Caller<'_, State>, kind: u32, name: u32, name_size: u32, id: u32| {
            host_call(caller, "proxy_define_metric", &[kind], |guest| {
                let name = guest.text(name, name_size)?;
                let known = Kind::of(kind).ok_or(BAD_ARGUMENT)?;
                let state = guest.state();
                state.world.metrics.borrow_mut().define(known, &name);
                let count = match known {
                    Kind::Counter => &mut state.metric_counts[0],
                    Kind::Gauge => &mut state.metric_counts[1],
                    Kind::Histogram => &mut state.metric_counts[2],
                };
                *count += 4;
                let number = *count | kind;
                state.metrics.insert(number, (known, name));
                guest.write_u32(id, number)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_increment_metric",
        |caller: Caller<'_, State>, id: u32, by: i64| {
            host_call(caller, "proxy_increment_metric", &[id], |guest| {
                if id & 3 > 1 {
                    return Err(BAD_ARGUMENT.into());
                }
                let (kind, name) = guest.state().metric(id)?;
                let world = guest.state().world.clone();
                match world.metrics.borrow_mut().get_mut(kind, &name) {
                    // Counters only grow.
                    Some(Metric::Counter(_)) if by <= 0 => return Err(BAD_ARGUMENT.into()),
                    Some(Metric::Counter(value) | Metric::Gauge(value)) => {
                        *value = value.wrapping_add_signed(by)
                    }
                    _ => return Err(BAD_ARGUMENT.into()),
                }
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_record_metric",
        |caller: Caller<'_, State>, id: u32, new: u64| {
            host_call(caller, "proxy_record_metric", &[id], |guest| {
                let (kind, name) = guest.state().metric(id).map_err(|_| NOT_FOUND)?;
                let world = guest.state().world.clone();
                match world.metrics.borrow_mut().get_mut(kind, &name) {
                    Some(Metric::Counter(value)) => *value = value.wrapping_add(new),
                    Some(Metric::Gauge(value)) => *value = new,
                    Some(Metric::Histogram(values)) => values.push(new),
                    None => return Err(NOT_FOUND.into()),
                }
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_metric",
        |caller: Caller<'_, State>, id: u32, value: u32| {
            host_call(caller, "proxy_get_metric", &[id], |guest| {
                if id & 3 > 1 {
                    return Err(BAD_ARGUMENT.into());
                }
                let (kind, name) = guest.state().metric(id)?;
                let world = guest.state().world.clone();
                let number = match world.metrics.borrow_mut().get_mut(kind, &name) {
                    Some(Metric::Counter(value) | Metric::Gauge(value)) => *value,
                    _ => return Err(BAD_ARGUMENT.into()),
                };
                guest.write_u64(value, number)
            })
        },
    )?;
    Ok(())
}
