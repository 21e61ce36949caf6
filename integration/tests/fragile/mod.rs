//! A module as it is, but that one of its callbacks traps at large arguments: nothing that anybody could send it is known
//! to.

use gatehouse_integration::repository;
use std::path::Path;
use walrus::ir::BinaryOp;
use walrus::{FunctionBuilder, Module, ValType};

/// Callbacks of headers and data take so many numbers: the context, how many headers or bytes there are, and whether
/// they are the last.
const ARGUMENTS: usize = 3;

/// Writes `dist/gatehouse_<filter>.wasm` with this callback trapping where there are `fatal` headers or bytes, or more,
/// before anything of the filter runs.
pub(crate) fn write(filter: &str, callback: &str, fatal: usize, to: &Path) {
    let file = repository().join(format!("dist/gatehouse_{filter}.wasm"));
    let mut module = Module::from_file(file).unwrap();
    let original = module.exports.get_func(callback).unwrap();
    let arguments = [ValType::I32; ARGUMENTS];
    let locals = arguments.map(|of| module.locals.add(of));
    let mut wrapper = FunctionBuilder::new(&mut module.types, &arguments, &[ValType::I32]);
    let [context, size, end] = locals;
    wrapper
        .func_body()
        .local_get(size)
        .i32_const(i32::try_from(fatal).unwrap())
        .binop(BinaryOp::I32GeU)
        .if_else(
            None,
            |fatal| {
                fatal.unreachable();
            },
            |_| {},
        )
        .local_get(context)
        .local_get(size)
        .local_get(end)
        .call(original);
    let wrapper = wrapper.finish(locals.to_vec(), &mut module.funcs);
    let export = module.exports.iter().find(|export| export.name == callback);
    let export = export.unwrap().id();
    module.exports.get_mut(export).item = wrapper.into();
    module.emit_wasm_file(to).unwrap();
}
