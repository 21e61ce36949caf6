//! Signatures of webhooks: GitHub, Stripe, Standard Webhooks, and a configurable canonical string.
