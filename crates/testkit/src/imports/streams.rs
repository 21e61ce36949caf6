//! Logging, time, contexts, resuming and ending streams, local replies.

use super::{BAD_ARGUMENT, UNIMPLEMENTED, host_call};
use crate::vm::{Action, LocalReplyArguments, State, Tick};
use crate::{Level, wire};
use wasmtime::{Caller, Linker, Result};

pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(
        "env",
        "proxy_log",
        |caller: Caller<'_, State>, level: u32, text: u32, size: u32| {
            host_call(caller, "proxy_log", &[level], |guest| {
                let level = Level::of(level).ok_or(BAD_ARGUMENT)?;
                let text = guest.text(text, size)?;
                guest.state().log(level, text);
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_log_level",
        |caller: Caller<'_, State>, level: u32| {
            // Trace: all of it is kept.
            host_call(caller, "proxy_get_log_level", &[], |guest| {
                guest.write_u32(level, 0)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_current_time_nanoseconds",
        |caller: Caller<'_, State>, time: u32| {
            host_call(caller, "proxy_get_current_time_nanoseconds", &[], |guest| {
                let now = guest.state().world.now.get();
                guest.write_u64(time, now)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_tick_period_milliseconds",
        |caller: Caller<'_, State>, period: u32| {
            host_call(
                caller,
                "proxy_set_tick_period_milliseconds",
                &[period],
                |guest| {
                    let state = guest.state();
                    let now = state.world.now.get();
                    let period = u64::from(period) * 1_000_000;
                    state.tick = (period > 0).then(|| Tick {
                        period,
                        next: now.saturating_add(period),
                    });
                    Ok(())
                },
            )
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_effective_context",
        |caller: Caller<'_, State>, context: u32| {
            host_call(caller, "proxy_set_effective_context", &[context], |guest| {
                let state = guest.state();
                if context != 0 && context != state.root && !state.streams.contains_key(&context) {
                    return Err(BAD_ARGUMENT.into());
                }
                state.effective = context;
                Ok(())
            })
        },
    )?;
    linker.func_wrap("env", "proxy_done", |caller: Caller<'_, State>| {
        // No context waits for it: a stream is deleted whatever `proxy_on_done` returned.
        host_call(caller, "proxy_done", &[], |_| Err(super::NOT_FOUND.into()))
    })?;
    linker.func_wrap(
        "env",
        "proxy_get_status",
        |caller: Caller<'_, State>, code: u32, text: u32, size: u32| {
            host_call(caller, "proxy_get_status", &[], |guest| {
                let (status, message) = guest.state().status.clone();
                guest.write_u32(code, status)?;
                guest.give(message.as_bytes(), text, size)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_continue_stream",
        |caller: Caller<'_, State>, kind: u32| {
            host_call(caller, "proxy_continue_stream", &[kind], |guest| {
                let state = guest.state();
                let context = state.context();
                let is_stream = state.streams.contains_key(&context);
                let action = match kind {
                    0 => Action::ContinueRequest(context),
                    1 => Action::ContinueResponse(context),
                    2 => Action::ContinueDownstream(context),
                    3 => return Err(UNIMPLEMENTED.into()),
                    _ => return Err(BAD_ARGUMENT.into()),
                };
                if is_stream {
                    state.actions.push_back(action);
                }
                // Whichever of the two goes on, the request can be read no more.
                if let Some(stream) = state.stream()
                    && kind < 2
                {
                    let request = &mut stream.http.request;
                    (
                        request.headers_shown,
                        request.chunk_shown,
                        request.trailers_shown,
                    ) = (false, false, false);
                }
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_close_stream",
        |caller: Caller<'_, State>, kind: u32| {
            host_call(caller, "proxy_close_stream", &[kind], |guest| {
                let state = guest.state();
                let context = state.context();
                let action = match kind {
                    0 | 1 => Action::Reset(context),
                    2 => Action::Close(context, "wasm_downstream_close"),
                    3 => Action::Close(context, "wasm_upstream_close"),
                    _ => return Err(BAD_ARGUMENT.into()),
                };
                if state.streams.contains_key(&context) {
                    state.actions.push_back(action);
                }
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_send_local_response",
        |caller: Caller<'_, State>,
         status: u32,
         details: u32,
         details_size: u32,
         body: u32,
         body_size: u32,
         headers: u32,
         headers_size: u32,
         grpc_status: u32| {
            host_call(
                caller,
                "proxy_send_local_response",
                &[status, grpc_status],
                |guest| {
                    let details = guest.text(details, details_size)?;
                    let body = guest.bytes(body, body_size)?;
                    let headers = wire::decode(&guest.bytes(headers, headers_size)?);
                    let reply = LocalReplyArguments {
                        status,
                        details: details.replace([' ', '\t', '\x0c', '\x0b', '\n', '\r'], "_"),
                        body,
                        headers,
                        grpc_status: (grpc_status <= 16).then_some(grpc_status),
                    };
                    let state = guest.state();
                    let context = state.context();
                    if state.streams.contains_key(&context) {
                        state.actions.push_back(Action::LocalReply(context, reply));
                    }
                    state.stop_next = true;
                    Ok(())
                },
            )
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_call_foreign_function",
        |caller: Caller<'_, State>,
         name: u32,
         name_size: u32,
         arguments: u32,
         arguments_size: u32,
         data: u32,
         size: u32| {
            host_call(caller, "proxy_call_foreign_function", &[], |guest| {
                let name = guest.text(name, name_size)?;
                let arguments = guest.bytes(arguments, arguments_size)?;
                let answer = crate::foreign::call(guest.state(), &name, &arguments);
                let (bytes, status) = match answer {
                    Ok(bytes) => (bytes, None),
                    Err(status) => (Vec::new(), Some(status)),
                };
                // Written even where the function failed, unless there is no such function.
                if status != Some(super::NOT_FOUND) && data != 0 && size != 0 {
                    guest.give(&bytes, data, size)?;
                }
                match status {
                    None => Ok(()),
                    Some(status) => Err(status.into()),
                }
            })
        },
    )?;
    Ok(())
}
