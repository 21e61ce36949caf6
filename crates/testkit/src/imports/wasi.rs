//! The part of WASI that Envoy has. Files, sockets and the rest link, and answer that there are none.

use super::Stop;
use super::memory::Guest;
use crate::Level;
use crate::vm::State;
use wasmtime::{Caller, Error, Linker, Result};

const EBADF: u32 = 8;
const EFAULT: u32 = 21;
const ENOSYS: u32 = 52;
const ENOTSUP: u32 = 58;
const EINVAL: u32 = 28;

/// `random_get` gives no more at once.
const MAX_RANDOM: u32 = 64 * 1024;

/// WASI's statuses: what is wrong with a pointer has another number there.
fn wasi_call(
    caller: Caller<'_, State>,
    name: &'static str,
    call: impl FnOnce(&mut Guest<'_>) -> std::result::Result<(), Stop>,
) -> Result<u32> {
    let mut guest = Guest::new(caller);
    *guest.state().callback.calls.entry(name).or_default() += 1;
    let status = match call(&mut guest) {
        Ok(()) => 0,
        Err(Stop::Status(super::INVALID_MEMORY_ACCESS)) => EFAULT,
        Err(Stop::Status(status)) => status,
        Err(Stop::Trap(error)) => return Err(error),
    };
    guest.trace(name, &[], status);
    Ok(status)
}

pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    for module in ["wasi_snapshot_preview1", "wasi_unstable"] {
        link_as(linker, module)?;
    }
    // Emscripten's.
    linker.func_wrap(
        "env",
        "emscripten_notify_memory_growth",
        |_: Caller<'_, State>, _: u32| {},
    )?;
    Ok(())
}

fn link_as(linker: &mut Linker<State>, module: &str) -> Result<()> {
    linker.func_wrap(
        module,
        "fd_write",
        |caller: Caller<'_, State>, fd: u32, vectors: u32, count: u32, written: u32| {
            wasi_call(caller, "fd_write", |guest| {
                let level = match fd {
                    1 => Level::Info,
                    2 => Level::Error,
                    _ => return Err(EBADF.into()),
                };
                let text = gather(guest, vectors, count)?;
                guest.write_u32(written, u32::try_from(text.len()).unwrap_or(u32::MAX))?;
                if !text.is_empty() {
                    let line = text.strip_suffix(b"\n").unwrap_or(&text);
                    let line = String::from_utf8_lossy(line).into_owned();
                    guest.state().log(level, line);
                }
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        module,
        "environ_sizes_get",
        |caller: Caller<'_, State>, count: u32, size: u32| {
            wasi_call(caller, "environ_sizes_get", |guest| {
                let variables = variables(guest);
                guest.write_u32(count, u32::try_from(variables.len()).unwrap_or(u32::MAX))?;
                let bytes: usize = variables.iter().map(Vec::len).sum();
                guest.write_u32(size, u32::try_from(bytes).unwrap_or(u32::MAX))
            })
        },
    )?;
    linker.func_wrap(
        module,
        "environ_get",
        |caller: Caller<'_, State>, pointers: u32, data: u32| {
            wasi_call(caller, "environ_get", |guest| {
                let (mut pointer, mut place) = (pointers, data);
                for variable in variables(guest) {
                    guest.write_u32(pointer, place)?;
                    guest.write(place, &variable)?;
                    pointer = pointer.checked_add(4).ok_or(EFAULT)?;
                    place = u32::try_from(variable.len())
                        .ok()
                        .and_then(|size| place.checked_add(size))
                        .ok_or(EFAULT)?;
                }
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        module,
        "args_sizes_get",
        |caller: Caller<'_, State>, count: u32, size: u32| {
            wasi_call(caller, "args_sizes_get", |guest| {
                guest.write_u32(count, 0)?;
                guest.write_u32(size, 0)
            })
        },
    )?;
    linker.func_wrap(
        module,
        "args_get",
        |caller: Caller<'_, State>, _: u32, _: u32| wasi_call(caller, "args_get", |_| Ok(())),
    )?;
    linker.func_wrap(
        module,
        "clock_time_get",
        |caller: Caller<'_, State>, clock: u32, _: u64, time: u32| {
            wasi_call(caller, "clock_time_get", |guest| {
                // Of the clocks, the real one and the monotonic one are the same here.
                if clock > 1 {
                    return Err(ENOTSUP.into());
                }
                let now = guest.state().world.now.get();
                guest.write_u64(time, now)
            })
        },
    )?;
    linker.func_wrap(
        module,
        "random_get",
        |caller: Caller<'_, State>, data: u32, size: u32| {
            wasi_call(caller, "random_get", |guest| {
                if size > MAX_RANDOM {
                    return Err(EINVAL.into());
                }
                let world = guest.state().world.clone();
                let words = (0..size.div_ceil(8)).flat_map(|_| world.random().to_le_bytes());
                let bytes: Vec<u8> = words.take(size as usize).collect();
                guest.write(data, &bytes)
            })
        },
    )?;
    linker.func_wrap(
        module,
        "proc_exit",
        |_: Caller<'_, State>, code: u32| -> Result<()> {
            Err(Error::msg(format!("proc_exit({code})")))
        },
    )?;
    linker.func_wrap(
        module,
        "fd_fdstat_get",
        |caller: Caller<'_, State>, fd: u32, stat: u32| {
            wasi_call(caller, "fd_fdstat_get", |guest| {
                if fd != 1 && fd != 2 {
                    return Err(EBADF.into());
                }
                let mut bytes = [0; 24];
                bytes[8] = 64;
                guest.write(stat, &bytes)
            })
        },
    )?;
    stubs(linker, module)
}

/// What there is not.
fn stubs(linker: &mut Linker<State>, module: &str) -> Result<()> {
    linker.func_wrap(module, "fd_read", |_: u32, _: u32, _: u32, _: u32| ENOSYS)?;
    linker.func_wrap(module, "fd_seek", |_: u32, _: i64, _: u32, _: u32| 0_u32)?;
    linker.func_wrap(module, "fd_close", |_: u32| 0_u32)?;
    linker.func_wrap(module, "fd_prestat_get", |_: u32, _: u32| EBADF)?;
    linker.func_wrap(module, "fd_prestat_dir_name", |_: u32, _: u32, _: u32| {
        ENOTSUP
    })?;
    linker.func_wrap(module, "fd_filestat_get", |_: u32, _: u32| ENOTSUP)?;
    linker.func_wrap(module, "fd_fdstat_set_flags", |_: u32, _: u32| ENOTSUP)?;
    linker.func_wrap(module, "fd_advise", |_: u32, _: i64, _: i64, _: u32| {
        ENOTSUP
    })?;
    linker.func_wrap(module, "fd_sync", |_: u32| ENOTSUP)?;
    linker.func_wrap(module, "fd_tell", |_: u32, _: u32| ENOTSUP)?;
    linker.func_wrap(
        module,
        "fd_readdir",
        |_: u32, _: u32, _: u32, _: i64, _: u32| ENOTSUP,
    )?;
    linker.func_wrap(
        module,
        "path_open",
        |_: u32, _: u32, _: u32, _: u32, _: u32, _: i64, _: i64, _: u32, _: u32| ENOTSUP,
    )?;
    linker.func_wrap(
        module,
        "path_filestat_get",
        |_: u32, _: u32, _: u32, _: u32, _: u32| ENOTSUP,
    )?;
    linker.func_wrap(module, "path_create_directory", |_: u32, _: u32, _: u32| {
        ENOTSUP
    })?;
    linker.func_wrap(module, "path_remove_directory", |_: u32, _: u32, _: u32| {
        ENOTSUP
    })?;
    linker.func_wrap(module, "path_unlink_file", |_: u32, _: u32, _: u32| ENOTSUP)?;
    linker.func_wrap(
        module,
        "path_rename",
        |_: u32, _: u32, _: u32, _: u32, _: u32, _: u32| ENOTSUP,
    )?;
    linker.func_wrap(
        module,
        "path_readlink",
        |_: u32, _: u32, _: u32, _: u32, _: u32, _: u32| ENOTSUP,
    )?;
    linker.func_wrap(module, "poll_oneoff", |_: u32, _: u32, _: u32, _: u32| {
        ENOTSUP
    })?;
    linker.func_wrap(module, "sched_yield", || 0_u32)?;
    Ok(())
}

fn gather(guest: &mut Guest<'_>, vectors: u32, count: u32) -> std::result::Result<Vec<u8>, Stop> {
    let mut text = Vec::new();
    for index in 0..count {
        let place = index
            .checked_mul(8)
            .and_then(|offset| vectors.checked_add(offset))
            .ok_or(EFAULT)?;
        let vector = guest.bytes(place, 8)?;
        let (pointer, size) = vector.split_at(4);
        let number = |bytes: &[u8]| {
            bytes
                .try_into()
                .map(u32::from_le_bytes)
                .map_err(|_| Stop::Status(EFAULT))
        };
        text.extend(guest.bytes(number(pointer)?, number(size)?)?);
    }
    Ok(text)
}

/// `NAME=value` with a NUL after each.
fn variables(guest: &mut Guest<'_>) -> Vec<Vec<u8>> {
    let world = guest.state().world.clone();
    let variables = world.plugin.environment.iter();
    variables
        .map(|(name, value)| format!("{name}={value}\0").into_bytes())
        .collect()
}
