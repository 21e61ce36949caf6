//! Values with variables, parsed once at configuration.
