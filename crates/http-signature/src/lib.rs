//! HTTP Message Signatures (RFC 9421) and Content-Digest (RFC 9530): what was signed, and how.
