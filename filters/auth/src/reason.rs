//! Why a request is denied, in the operator's words: metrics, response-code details, access logs.

use gatehouse_denial::grpc;

/// What a denial says to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The request can be read in more than one way (RFC 6750, 3.1: `invalid_request`).
    Malformed,
    /// No credential was presented.
    Unidentified,
    /// A credential was presented and is not good.
    Rejected,
    /// The credential is good, but does not suffice; or none would.
    Forbidden,
    /// Too many attempts that failed.
    Throttled,
    /// The body is longer than what is checked.
    TooLarge,
    /// Whether the credential is good cannot be found out now.
    Unavailable,
}

macro_rules! reasons {
    ($($(#[$meta:meta])* $name:ident = $text:literal is $class:ident;)*) => {
        /// Why a request is denied.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Reason {
            $($(#[$meta])* $name,)*
        }

        impl Reason {
            /// All of them, in the order of their discriminants.
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            /// The name in metrics and details.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            pub(crate) const fn class(self) -> Class {
                match self { $(Self::$name => Class::$class,)* }
            }
        }
    };
}

reasons! {
    /// The path means different things to different readers.
    PathAmbiguous = "path_ambiguous" is Malformed;
    /// There are two hosts, or what is there is read in different ways.
    HostAmbiguous = "host_ambiguous" is Malformed;
    /// No rule is about this request.
    NoRule = "no_rule" is Forbidden;
    /// No credential of the providers that the rule asks for.
    CredentialMissing = "credential_missing" is Unidentified;
    /// Two values of one credential.
    CredentialAmbiguous = "credential_ambiguous" is Malformed;
    /// An API key of nobody.
    KeyUnknown = "key_unknown" is Rejected;
    /// An API key before its time.
    KeyNotYetValid = "key_not_yet_valid" is Rejected;
    /// An API key after its time.
    KeyExpired = "key_expired" is Rejected;
    /// A token longer than is looked at.
    TokenTooLong = "token_too_long" is Rejected;
    /// Not a signed token in compact serialization, or its claims are no JSON object.
    TokenMalformed = "token_malformed" is Rejected;
    /// The token's `alg` is none of the configured ones.
    TokenAlgorithm = "token_algorithm" is Rejected;
    /// The token's `typ` is none of the configured ones.
    TokenType = "token_type" is Rejected;
    /// `crit`, `b64: false`, or a token within a token.
    TokenExtension = "token_extension" is Rejected;
    /// No key of the set has the token's `kid` and fits its `alg`.
    TokenKeyUnknown = "token_key_unknown" is Rejected;
    /// The signature is not by a key of the set.
    TokenSignature = "token_signature" is Rejected;
    /// `iss` is somebody else.
    TokenIssuer = "token_issuer" is Rejected;
    /// `aud` is somebody else.
    TokenAudience = "token_audience" is Rejected;
    /// `exp` has passed.
    TokenExpired = "token_expired" is Rejected;
    /// `nbf` has not come.
    TokenNotYetValid = "token_not_yet_valid" is Rejected;
    /// `iat` has not come.
    TokenIssuedInFuture = "token_issued_in_future" is Rejected;
    /// A claim that is needed is not there.
    ClaimMissing = "claim_missing" is Rejected;
    /// A claim has a type that it can't have.
    ClaimMalformed = "claim_malformed" is Rejected;
    /// A claim cannot be sent on in a header.
    ClaimUnsafe = "claim_unsafe" is Rejected;
    /// No user and password in Basic's form (RFC 7617).
    CredentialMalformed = "credential_malformed" is Rejected;
    /// A user that there is not, or a password that is not the user's.
    PasswordWrong = "password_wrong" is Rejected;
    /// Too many wrong passwords, for this user or from this address.
    TooManyFailures = "too_many_failures" is Throttled;
    /// Passwords take as much of the worker as they may.
    VerificationBusy = "verification_busy" is Unavailable;
    /// Keys that have not been fetched yet.
    KeysUnavailable = "keys_unavailable" is Unavailable;
    /// The token, or its subject, is on the denylist.
    TokenRevoked = "token_revoked" is Rejected;
    /// The denylist has not been fetched yet.
    DenylistUnavailable = "denylist_unavailable" is Unavailable;
    /// A claim that must have a certain value has another.
    ClaimMismatch = "claim_mismatch" is Rejected;
    /// The introspection endpoint says that the token is not active.
    TokenInactive = "token_inactive" is Rejected;
    /// The introspection endpoint did not say anything that can be used.
    IntrospectionFailed = "introspection_failed" is Unavailable;
    /// A signature's own headers cannot be read.
    SignatureMalformed = "signature_malformed" is Rejected;
    /// The signature is by a key of nobody.
    SignatureKeyUnknown = "signature_key_unknown" is Rejected;
    /// The signature says another algorithm than its key is for.
    SignatureAlgorithm = "signature_algorithm" is Rejected;
    /// The signature does not cover what it has to.
    SignatureCoverage = "signature_coverage" is Rejected;
    /// The signature is not by the key.
    SignatureWrong = "signature_wrong" is Rejected;
    /// The signature is too old, or has expired.
    SignatureExpired = "signature_expired" is Rejected;
    /// The signature is from the future.
    SignatureNotYetValid = "signature_not_yet_valid" is Rejected;
    /// The body is not what was signed.
    DigestMismatch = "digest_mismatch" is Rejected;
    /// The body is longer than what is checked.
    BodyTooLong = "body_too_long" is TooLarge;
    /// It was presented before.
    Replayed = "replayed" is Rejected;
    /// There is no room to remember what was presented.
    ReplayUnavailable = "replay_unavailable" is Unavailable;
    /// A client certificate of nobody.
    CertificateUnknown = "certificate_unknown" is Rejected;
    /// What a proxy says of a client certificate cannot be read, or names several.
    CertificateMalformed = "certificate_malformed" is Rejected;
    /// The decision service said no.
    DecisionDenied = "decision_denied" is Forbidden;
    /// The decision service did not say anything that can be used.
    DecisionFailed = "decision_failed" is Unavailable;
    /// What was waited for did not come in time.
    WaitTimeout = "wait_timeout" is Unavailable;
    /// None of `authorize.consumers`.
    ForbiddenConsumer = "forbidden_consumer" is Forbidden;
    /// In none of `authorize.groups`.
    ForbiddenGroup = "forbidden_group" is Forbidden;
    /// Without one of `authorize.scopes`.
    ForbiddenScope = "forbidden_scope" is Forbidden;
    /// Without what `authorize.claims` asks for.
    ForbiddenClaim = "forbidden_claim" is Forbidden;
    /// `authorize.when` does not hold.
    ForbiddenExpression = "forbidden_expression" is Forbidden;
    /// `authorize.when`, or `when` of a match, cannot be evaluated.
    ExpressionFailed = "expression_failed" is Forbidden;
}

impl Reason {
    /// The HTTP status and the gRPC status.
    pub(crate) const fn status(self) -> (u16, u32) {
        match self.class() {
            Class::Malformed => (400, grpc::INVALID_ARGUMENT),
            Class::Unidentified | Class::Rejected => (401, grpc::UNAUTHENTICATED),
            Class::Forbidden => (403, grpc::PERMISSION_DENIED),
            Class::TooLarge => (413, grpc::RESOURCE_EXHAUSTED),
            Class::Throttled => (429, grpc::RESOURCE_EXHAUSTED),
            Class::Unavailable => (503, grpc::UNAVAILABLE),
        }
    }

    /// What the client may know: what to do, never what was wrong with its credential.
    pub(crate) const fn detail(self) -> Option<&'static str> {
        match self {
            Self::PathAmbiguous => Some("the path can be read in more than one way"),
            Self::HostAmbiguous => Some("the host can be read in more than one way"),
            Self::CredentialAmbiguous => Some("the credential must be presented once"),
            _ => match self.class() {
                Class::Unidentified => Some("a credential is required"),
                Class::Rejected => Some("the credential was not accepted"),
                Class::Throttled => Some("too many attempts"),
                Class::TooLarge => Some("the body is too long"),
                Class::Unavailable => Some("the credential cannot be checked now"),
                Class::Malformed | Class::Forbidden => None,
            },
        }
    }
}
