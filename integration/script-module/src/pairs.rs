//! Header maps as they cross the border.

/// Writes one.
pub(crate) fn encode(pairs: &[(String, String)]) -> Vec<u8> {
    let mut bytes = length(pairs.len());
    for (name, value) in pairs {
        bytes.extend(length(name.len()));
        bytes.extend(length(value.len()));
    }
    for (name, value) in pairs {
        for part in [name, value] {
            bytes.extend(part.as_bytes());
            bytes.push(0);
        }
    }
    bytes
}

fn length(length: usize) -> Vec<u8> {
    u32::try_from(length)
        .unwrap_or(u32::MAX)
        .to_le_bytes()
        .to_vec()
}

/// Reads one.
pub(crate) fn decode(bytes: &[u8]) -> Vec<(String, String)> {
    let number = |at: usize| {
        let bytes = bytes
            .get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_le_bytes).unwrap_or_default() as usize
    };
    let count = number(0);
    let mut place = 4 + count * 8;
    let mut part = |size: usize| {
        let text = bytes.get(place..place + size).unwrap_or_default();
        place += size + 1;
        // Quotes are of use in orders.
        let text = text.escape_ascii().to_string();
        text.replace("\\'", "'").replace("\\\"", "\"")
    };
    (0..count)
        .map(|index| (part(number(4 + index * 8)), part(number(8 + index * 8))))
        .collect()
}
