//! The plugins of a VM.

use crate::Control;
use gatehouse_host::{ConfigureError, Host, Level, StreamId};
use std::cell::RefCell;
use std::rc::Rc;

/// Configured filters, by root context. Few: one for each configuration that is in use.
pub(crate) struct Plugins<F>(RefCell<Vec<(u32, Rc<F>)>>);

impl<F> Plugins<F> {
    pub(crate) const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// Makes this the plugin of `root`.
    pub(crate) fn begin(&self, root: u32, filter: F, control: &dyn Control) {
        self.forget(root, control);
        self.0.borrow_mut().push((root, Rc::new(filter)));
    }

    /// Forgets the plugin that was at `root`, and those that are gone: a module that lets no callback
    /// tell it of the end of streams is not told of the end of plugins either.
    fn forget(&self, root: u32, control: &dyn Control) {
        let mut plugins = self.0.borrow_mut();
        let is_there = |plugin: u32| control.enter(StreamId(plugin)).is_ok();
        plugins.retain(|(known, _)| *known != root && is_there(*known));
        // Should that fail, what follows is about the plugin that was asked for last, which is there.
        control.enter(StreamId(root)).unwrap_or_default();
    }

    /// Forgets a plugin whose end the proxy tells.
    pub(crate) fn end(&self, context: u32) {
        self.0.borrow_mut().retain(|(root, _)| *root != context);
    }

    pub(crate) fn at(&self, root: u32) -> Option<Rc<F>> {
        let plugins = self.0.borrow();
        let known = plugins.iter().find(|(known, _)| *known == root);
        known.map(|(_, filter)| filter.clone())
    }

    #[cfg(test)]
    pub(crate) fn roots(&self) -> Vec<u32> {
        self.0.borrow().iter().map(|(root, _)| *root).collect()
    }
}

/// Says why the filter of this name cannot start.
pub(crate) fn log_refusal(host: &dyn Host, name: &str, error: &ConfigureError) {
    host.log(Level::Error, &format!("gatehouse {name}: {error}"));
}
