//! Requests as the RFCs print them.

use crate::{Fields, MAX_COMPONENTS, Refusal, Request, Signature, Signatures, StructuredFields};

/// A request in the form of HTTP/1.1, sent over HTTPS.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
}

impl Message {
    /// A line that ends in `\` goes on in the next one, without its indentation (RFC 8792).
    pub(crate) fn parse(text: &str) -> Self {
        let text = unwrapped(text);
        let mut lines = text.lines();
        let mut words = lines.next().unwrap().split(' ');
        let mut message = Self {
            method: words.next().unwrap().to_owned(),
            target: words.next().unwrap().to_owned(),
            fields: Vec::new(),
        };
        for line in lines.take_while(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').unwrap();
            message = message.with(name, value.as_bytes());
        }
        message
    }

    pub(crate) fn with(mut self, name: &str, value: &[u8]) -> Self {
        self.fields
            .push((name.to_ascii_lowercase(), value.to_vec()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(key, _)| key != name);
        self
    }

    /// With an input that covers these components, under a signature that is none.
    pub(crate) fn covering(self, components: &str) -> Self {
        self.with("signature-input", format!("s=({components})").as_bytes())
            .with("signature", b"s=:AA==:")
    }

    pub(crate) fn request(&self) -> Request<'_> {
        let host = self.fields.iter().find(|(name, _)| name == "host");
        Request {
            method: self.method.as_bytes(),
            scheme: b"https",
            authority: host
                .map(|(_, value)| value.trim_ascii())
                .unwrap_or_default(),
            target: self.target.as_bytes(),
            fields: self,
        }
    }

    pub(crate) fn signatures(&self) -> Result<Signatures, Refusal> {
        Signatures::parse(self, MAX_COMPONENTS)
    }

    /// The only signature.
    pub(crate) fn signature(&self) -> Result<Signature, Refusal> {
        let signatures = self.signatures()?;
        let candidates = signatures.candidates(None, &|_| true)?;
        Ok(candidates[0].clone())
    }

    /// The signature base of the only signature.
    pub(crate) fn base(&self) -> Result<String, Refusal> {
        let mut structured = StructuredFields::default();
        structured.add("Example-Dict", crate::StructuredType::Dictionary);
        structured.add("Example-List", crate::StructuredType::List);
        structured.add("Example-Item", crate::StructuredType::Item);
        let base = self.signature()?.base(&self.request(), &structured)?;
        Ok(String::from_utf8_lossy(&base).into_owned())
    }

    /// The signature base for these components, without its last line.
    pub(crate) fn lines(&self, components: &str) -> Result<String, Refusal> {
        let base = self.clone().covering(components).base()?;
        let parameters = format!("\"@signature-params\": ({components})");
        Ok(base.strip_suffix(&parameters).unwrap().to_owned())
    }
}

impl Fields for Message {
    fn values(&self, name: &str) -> Vec<&[u8]> {
        let fields = self.fields.iter();
        fields
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_slice())
            .collect()
    }
}

/// Without the folding of RFC 8792.
pub(crate) fn unwrapped(text: &str) -> String {
    let mut parts = text.split("\\\n");
    let mut whole = parts.next().unwrap().to_owned();
    for part in parts {
        whole.push_str(part.trim_start_matches(' '));
    }
    whole
}
