//! What a filter may touch: host capabilities as traits, the request and response as typed views.
