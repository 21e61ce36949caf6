//! JSON Web Signatures and Keys: strict parsing and verification.
