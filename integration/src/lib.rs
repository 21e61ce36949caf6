//! Tests on stock Envoy, benchmarks, and the servers they need.
