//! Which requests a rule is about: the match language shared by all filters.
