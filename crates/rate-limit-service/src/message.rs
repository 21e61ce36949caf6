//! The messages, with Envoy's field numbers
//! (`api/envoy/service/ratelimit/v3/rls.proto`, `api/envoy/extensions/common/ratelimit/v3/ratelimit.proto`).

/// The code of what is within its limit.
pub const CODE_OK: i32 = 1;

/// The code of what is not.
pub const CODE_OVER_LIMIT: i32 = 2;

/// A question.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct RateLimitRequest {
    /// Which set of limits.
    #[prost(string, tag = "1")]
    pub domain: String,
    /// What is counted.
    #[prost(message, repeated, tag = "2")]
    pub descriptors: Vec<Descriptor>,
    /// What it costs; 0 stands for 1.
    #[prost(uint32, tag = "3")]
    pub hits_addend: u32,
}

/// One thing that is counted.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Descriptor {
    /// What it is, from the general to the particular.
    #[prost(message, repeated, tag = "1")]
    pub entries: Vec<Entry>,
    /// What it costs, where that is not what the others do.
    #[prost(message, optional, tag = "3")]
    pub hits_addend: Option<UInt64Value>,
}

/// A part of a descriptor.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Entry {
    /// What the value is.
    #[prost(string, tag = "1")]
    pub key: String,
    /// The value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// `google.protobuf.UInt64Value`
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct UInt64Value {
    /// The number.
    #[prost(uint64, tag = "1")]
    pub value: u64,
}

/// An answer.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct RateLimitResponse {
    /// Of all descriptors together.
    #[prost(int32, tag = "1")]
    pub overall_code: i32,
    /// Of each, in their order.
    #[prost(message, repeated, tag = "2")]
    pub statuses: Vec<DescriptorStatus>,
}

/// What is said of one descriptor.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct DescriptorStatus {
    /// Whether it is within its limit.
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// Its limit, where it has one.
    #[prost(message, optional, tag = "2")]
    pub current_limit: Option<Limit>,
    /// What is left of it.
    #[prost(uint32, tag = "3")]
    pub limit_remaining: u32,
    /// When it is whole again.
    #[prost(message, optional, tag = "4")]
    pub duration_until_reset: Option<Duration>,
}

/// A limit as the service has it.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Limit {
    /// How many.
    #[prost(uint32, tag = "1")]
    pub requests_per_unit: u32,
    /// In how long: 1 second, 2 minute, 3 hour, 4 day, 5 month, 6 year, 7 week.
    #[prost(int32, tag = "2")]
    pub unit: i32,
}

/// `google.protobuf.Duration`
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Duration {
    /// Whole seconds.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// And nanoseconds.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

impl Descriptor {
    /// A descriptor of these entries, key and value, with what it costs.
    pub fn new<K: Into<String>, V: Into<String>>(
        entries: impl IntoIterator<Item = (K, V)>,
        cost: u64,
    ) -> Self {
        let entries = entries.into_iter().map(|(key, value)| Entry {
            key: key.into(),
            value: value.into(),
        });
        Self {
            entries: entries.collect(),
            hits_addend: Some(UInt64Value { value: cost }),
        }
    }

    /// What it costs, where it says so itself; else 1.
    pub fn cost(&self) -> u64 {
        self.hits_addend.map_or(1, |addend| addend.value)
    }
}
