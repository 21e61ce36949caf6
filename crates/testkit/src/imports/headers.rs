//! Header maps and buffers.

use super::{BAD_ARGUMENT, NOT_FOUND, OK, Outcome, host_call};
use crate::stream_state::Buffer;
use crate::vm::State;
use crate::{Headers, wire};
use gatehouse_inline_headers::Of;
use wasmtime::{Caller, Linker, Result};

/// The last of the map types.
const MAX_MAP: u32 = 7;

/// The last of the buffer types.
const MAX_BUFFER: u32 = 8;

impl State {
    /// A map that can be read now (`Context::getConstMap`).
    fn readable(&mut self, map: u32) -> Option<&Headers> {
        match map {
            0..=3 => self.stream()?.map(map),
            4 => self.answering.initial_metadata.as_ref(),
            5 => self.answering.trailing_metadata.as_ref(),
            6 => self.answering.http.as_ref().map(|answer| &answer.headers),
            _ => self.answering.http.as_ref()?.trailers.as_ref(),
        }
    }

    fn change(&mut self, map: u32, change: impl FnOnce(&mut Headers)) -> Outcome {
        let stream = self.stream().ok_or(BAD_ARGUMENT)?;
        change(stream.map_mut(map).ok_or(BAD_ARGUMENT)?);
        if map == 0 {
            stream.route_cache_cleared += 1;
        }
        Ok(())
    }
}

/// In requests Envoy knows `host` as `:authority`.
fn named(map: u32, name: String) -> String {
    match map {
        0 if name.eq_ignore_ascii_case("host") => ":authority".to_owned(),
        _ => name,
    }
}

fn known(kind: u32, most: u32) -> Outcome {
    if kind > most {
        Err(BAD_ARGUMENT.into())
    } else {
        Ok(())
    }
}

pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_header_map_value",
        |caller: Caller<'_, State>,
         map: u32,
         name: u32,
         name_size: u32,
         value: u32,
         value_size: u32| {
            host_call(caller, "proxy_get_header_map_value", &[map], |guest| {
                known(map, MAX_MAP)?;
                let name = named(map, guest.text(name, name_size)?);
                let logging = guest.state().stream().is_some_and(|stream| stream.logging);
                let missing = if logging { NOT_FOUND } else { BAD_ARGUMENT };
                let headers = guest.state().readable(map).ok_or(missing)?;
                let found = headers.get(&name).ok_or(NOT_FOUND)?.to_vec();
                guest.give(&found, value, value_size)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_header_map_pairs",
        |caller: Caller<'_, State>, map: u32, data: u32, size: u32| {
            host_call(caller, "proxy_get_header_map_pairs", &[map], |guest| {
                known(map, MAX_MAP)?;
                // A map that cannot be read now is an empty one.
                let pairs = guest
                    .state()
                    .readable(map)
                    .map(Headers::encode)
                    .unwrap_or_default();
                guest.give(&pairs, data, size)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_header_map_size",
        |caller: Caller<'_, State>, map: u32, size: u32| {
            host_call(caller, "proxy_get_header_map_size", &[map], |guest| {
                known(map, MAX_MAP)?;
                let stream = guest.state().stream().ok_or(BAD_ARGUMENT)?;
                let bytes = stream.map_mut(map).ok_or(BAD_ARGUMENT)?.byte_size();
                guest.write_u32(size, u32::try_from(bytes).unwrap_or(u32::MAX))
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_header_map_pairs",
        |caller: Caller<'_, State>, map: u32, data: u32, size: u32| {
            host_call(caller, "proxy_set_header_map_pairs", &[map], |guest| {
                known(map, MAX_MAP)?;
                let pairs = wire::decode(&guest.bytes(data, size)?);
                guest.state().change(map, |headers| {
                    *headers = Headers::new();
                    for (name, value) in pairs.iter() {
                        headers.add(Of::map(map), &named(map, name.to_owned()), value);
                    }
                })
            })
        },
    )?;
    type Apply = fn(&mut Headers, Of, &str, Vec<u8>);
    let change: [(&str, Apply); 2] = [
        ("proxy_add_header_map_value", |headers, of, name, value| {
            headers.add(of, name, value);
        }),
        (
            "proxy_replace_header_map_value",
            |headers, _, name, value| {
                headers.set(name, value);
            },
        ),
    ];
    for (import, apply) in change {
        linker.func_wrap(
            "env",
            import,
            move |caller: Caller<'_, State>,
                  map: u32,
                  name: u32,
                  name_size: u32,
                  value: u32,
                  value_size: u32| {
                host_call(caller, import, &[map], |guest| {
                    known(map, MAX_MAP)?;
                    let name = named(map, guest.text(name, name_size)?);
                    let value = guest.bytes(value, value_size)?;
                    guest
                        .state()
                        .change(map, |headers| apply(headers, Of::map(map), &name, value))
                })
            },
        )?;
    }
    linker.func_wrap(
        "env",
        "proxy_remove_header_map_value",
        |caller: Caller<'_, State>, map: u32, name: u32, name_size: u32| {
            host_call(caller, "proxy_remove_header_map_value", &[map], |guest| {
                known(map, MAX_MAP)?;
                let name = named(map, guest.text(name, name_size)?);
                guest.state().change(map, |headers| headers.remove(&name))
            })
        },
    )?;
    buffers(linker)
}

fn buffers(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_buffer_bytes",
        |caller: Caller<'_, State>, buffer: u32, start: u32, most: u32, data: u32, size: u32| {
            host_call(
                caller,
                "proxy_get_buffer_bytes",
                &[buffer, start, most],
                |guest| {
                    known(buffer, MAX_BUFFER)?;
                    let found = guest.state().buffer(buffer);
                    if matches!(found, Buffer::Missing) {
                        return Err(NOT_FOUND.into());
                    }
                    let end = start.checked_add(most).ok_or(BAD_ARGUMENT)? as usize;
                    let all = found.bytes();
                    let bytes = all
                        .get(start as usize..end.min(all.len()))
                        .unwrap_or_default()
                        .to_vec();
                    // Nothing is written for nothing.
                    if bytes.is_empty() {
                        return Ok(());
                    }
                    guest.give(&bytes, data, size)
                },
            )
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_buffer_status",
        |caller: Caller<'_, State>, buffer: u32, size: u32, flags: u32| {
            host_call(caller, "proxy_get_buffer_status", &[buffer], |guest| {
                known(buffer, MAX_BUFFER)?;
                let found = guest.state().buffer(buffer);
                if matches!(found, Buffer::Missing) {
                    return Err(NOT_FOUND.into());
                }
                let length = u32::try_from(found.bytes().len()).unwrap_or(u32::MAX);
                guest.write_u32(size, length)?;
                guest.write_u32(flags, 0)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_buffer_bytes",
        |caller: Caller<'_, State>, buffer: u32, start: u32, length: u32, data: u32, size: u32| {
            host_call(
                caller,
                "proxy_set_buffer_bytes",
                &[buffer, start, length],
                |guest| {
                    known(buffer, MAX_BUFFER)?;
                    if matches!(guest.state().buffer(buffer), Buffer::Missing) {
                        return Err(NOT_FOUND.into());
                    }
                    let new = guest.bytes(data, size)?;
                    match replace(
                        guest.state().buffer(buffer),
                        start as usize,
                        length as usize,
                        new,
                    ) {
                        OK => Ok(()),
                        status => Err(status.into()),
                    }
                },
            )
        },
    )?;
    Ok(())
}

/// Replaces the first bytes, of which there may be none, or appends; nothing else (`Buffer::copyFrom`).
fn replace(buffer: Buffer<'_>, start: usize, length: usize, new: Vec<u8>) -> u32 {
    let Buffer::Data(bytes) = buffer else {
        return BAD_ARGUMENT;
    };
    if start == 0 {
        bytes.splice(..length.min(bytes.len()), new);
    } else if start >= bytes.len() {
        bytes.extend(new);
    } else {
        return BAD_ARGUMENT;
    }
    OK
}
