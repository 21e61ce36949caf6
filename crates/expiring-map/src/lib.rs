//! A map with a bound on its entries and a time on each.
