//! connection-guard whose VM is lost with all that it knew: the places of its connections are free again after a while.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: places take their time"
)]

#[path = "connection_guard/guarded.rs"]
mod guarded;

use gatehouse_integration::{TcpServer, repository};
use guarded::{bootstrap, counter, dials_at_once, listener};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};
use walrus::ir::BinaryOp;
use walrus::{FunctionBuilder, Module, ValType};

/// Data of this many bytes is what the module traps at.
const FATAL: usize = 13;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The module as it is, but that it traps at some data: nothing that anybody could send it is known to.
fn write_fragile(to: &Path) {
    let file = repository().join("dist/gatehouse_connection_guard.wasm");
    let mut module = Module::from_file(file).unwrap();
    let name = "proxy_on_downstream_data";
    let original = module.exports.get_func(name).unwrap();
    let arguments = [ValType::I32; 3];
    let locals = arguments.map(|of| module.locals.add(of));
    let mut wrapper = FunctionBuilder::new(&mut module.types, &arguments, &[ValType::I32]);
    let [connection, size, end] = locals;
    wrapper
        .func_body()
        .local_get(size)
        .i32_const(i32::try_from(FATAL).unwrap())
        .binop(BinaryOp::I32Eq)
        .if_else(
            None,
            |fatal| {
                fatal.unreachable();
            },
            |_| {},
        )
        .local_get(connection)
        .local_get(size)
        .local_get(end)
        .call(original);
    let wrapper = wrapper.finish(locals.to_vec(), &mut module.funcs);
    let export = module.exports.iter().find(|export| export.name == name);
    let export = export.unwrap().id();
    module.exports.get_mut(export).item = wrapper.into();
    module.emit_wasm_file(to).unwrap();
}

/// A client that was let in, if it was.
fn let_in(to: SocketAddr) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    is_served(&mut stream).then_some(stream)
}

fn is_served(stream: &mut TcpStream) -> bool {
    let mut answer = [0];
    stream.write_all(b"x").is_ok() && stream.read_exact(&mut answer).is_ok()
}

#[test]
fn places_of_a_vm_that_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path().join("fragile.wasm");
    write_fragile(&module);
    let upstream = TcpServer::echo();
    let limits = "{default: allow, limits: {concurrent: {total: 3, expires: 2s}}}";
    let mut fragile = dials_at_once(listener("fragile", 10000, limits));
    let file = fragile.pointer_mut(
        "/filter_chains/0/filters/0/typed_config/config/vm_config/code/local/filename",
    );
    *file.unwrap() = json!(module.to_str().unwrap());
    let envoy = bootstrap(&[(fragile, upstream.address())]).start();
    let to = envoy.address();
    let mut clients: Vec<_> = (0..3).map(|_| let_in(to).unwrap()).collect();
    assert!(let_in(to).is_none(), "no more");
    clients[0].write_all(&[b'x'; FATAL]).unwrap();
    let end = clients[0].read(&mut [0; FATAL]);
    assert!(!matches!(end, Ok(1..)), "it is closed, not answered");
    for client in &mut clients {
        assert!(!is_served(client), "the VM takes its connections with it");
    }
    drop(clients);
    // Its successor gives the places to others once nobody has said for long enough that they are taken, and no more of them.
    let deadline = Instant::now() + PATIENCE;
    let mut next = Vec::new();
    while next.len() < 3 {
        assert!(
            Instant::now() < deadline,
            "{} of 3 places are free",
            next.len()
        );
        match let_in(to) {
            Some(client) => next.push(client),
            None => std::thread::sleep(Duration::from_millis(100)),
        }
    }
    assert!(let_in(to).is_none(), "three again");
    assert!(next.iter_mut().all(is_served), "they stay");
    assert_eq!(envoy.stat("wasm.fragile.vm_reload_success"), 1);
    assert_eq!(envoy.stat(&counter("not_released")), 0);
}
