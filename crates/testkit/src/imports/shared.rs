//! Shared data and queues.

use super::{CAS_MISMATCH, EMPTY, NOT_FOUND, host_call};
use crate::shared_data::Swap;
use crate::vm::{Action, State};
use wasmtime::{Caller, Linker, Result};

pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_shared_data",
        |caller: Caller<'_, State>, key: u32, key_size: u32, data: u32, size: u32, cas: u32| {
            host_call(caller, "proxy_get_shared_data", &[], |guest| {
                let key = guest.bytes(key, key_size)?;
                let world = guest.state().world.clone();
                let (value, version) = world
                    .shared
                    .get(&world.plugin.vm_id, &key)
                    .ok_or(NOT_FOUND)?;
                guest.give(&value, data, size)?;
                guest.write_u32(cas, version)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_shared_data",
        |caller: Caller<'_, State>,
         key: u32,
         key_size: u32,
         value: u32,
         value_size: u32,
         cas: u32| {
            host_call(caller, "proxy_set_shared_data", &[cas], |guest| {
                let key = guest.bytes(key, key_size)?;
                let value = guest.bytes(value, value_size)?;
                let world = guest.state().world.clone();
                match world.shared.swap(&world.plugin.vm_id, &key, &value, cas) {
                    Swap::Done => Ok(()),
                    Swap::Mismatch => Err(CAS_MISMATCH.into()),
                }
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_register_shared_queue",
        |caller: Caller<'_, State>, name: u32, name_size: u32, token: u32| {
            host_call(caller, "proxy_register_shared_queue", &[], |guest| {
                let name = guest.bytes(name, name_size)?;
                let world = guest.state().world.clone();
                let number = world.shared.register_queue(&world.plugin.vm_id, &name);
                world
                    .consumers
                    .borrow_mut()
                    .insert(number, guest.state().worker);
                guest.write_u32(token, number)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_resolve_shared_queue",
        |caller: Caller<'_, State>,
         vm_id: u32,
         vm_id_size: u32,
         name: u32,
         name_size: u32,
         token: u32| {
            host_call(caller, "proxy_resolve_shared_queue", &[], |guest| {
                let vm_id = guest.text(vm_id, vm_id_size)?;
                let name = guest.bytes(name, name_size)?;
                let world = guest.state().world.clone();
                let vm_id = if vm_id.is_empty() {
                    &world.plugin.vm_id
                } else {
                    &vm_id
                };
                let number = world.shared.resolve_queue(vm_id, &name).ok_or(NOT_FOUND)?;
                guest.write_u32(token, number)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_enqueue_shared_queue",
        |caller: Caller<'_, State>, token: u32, data: u32, size: u32| {
            host_call(caller, "proxy_enqueue_shared_queue", &[token], |guest| {
                let item = guest.bytes(data, size)?;
                let world = guest.state().world.clone();
                if !world.shared.enqueue(token, &item) {
                    return Err(NOT_FOUND.into());
                }
                // The consumer is told in its own thread; where that is this one, after the callback.
                let consumer = world.consumers.borrow().get(&token).copied();
                if consumer == Some(guest.state().worker) {
                    guest.state().actions.push_back(Action::QueueReady(token));
                } else if consumer.is_some() {
                    world.ready.borrow_mut().push(token);
                }
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_dequeue_shared_queue",
        |caller: Caller<'_, State>, token: u32, data: u32, size: u32| {
            host_call(caller, "proxy_dequeue_shared_queue", &[token], |guest| {
                let world = guest.state().world.clone();
                let item = world.shared.dequeue(token).ok_or(NOT_FOUND)?.ok_or(EMPTY)?;
                guest.give(&item, data, size)
            })
        },
    )?;
    Ok(())
}
