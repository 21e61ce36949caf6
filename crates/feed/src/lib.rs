//! A document fetched from elsewhere and kept fresh, once for all workers.
