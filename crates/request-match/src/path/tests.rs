//! Spellings of paths, as clients that want past a rule send them.

use super::*;
use proptest::prelude::*;

const CLEAR: bool = false;
const AMBIGUOUS: bool = true;

#[test]
fn spellings() {
    #[rustfmt::skip]
    let cases: &[(&str, &[u8], &str, bool)] = &[
        ("root", b"/", "/", CLEAR),
        ("plain", b"/admin", "/admin", CLEAR),
        ("two segments", b"/admin/users", "/admin/users", CLEAR),
        ("every character that needs no escape", b"/a-b._~!$&'()*+,=:@", "/a-b._~!$&'()*+,=:@", CLEAR),
        ("case", b"/ADMIN", "/ADMIN", CLEAR),
        ("query", b"/admin?x=1", "/admin", CLEAR),
        ("empty query", b"/admin?", "/admin", CLEAR),
        ("path-like query", b"/admin?x=/../y;z%2f%00\\", "/admin", CLEAR),
        ("two question marks", b"/admin?x?y", "/admin", CLEAR),
        ("query at the root", b"/?x", "/", CLEAR),
        ("a scheme in the query", b"/admin?x=http://host/y", "/admin", CLEAR),
        ("a scheme in the path", b"/go/http://host/y", "/go/http:/host/y", CLEAR),
        ("slash at the end", b"/admin/", "/admin", CLEAR),
        ("slashes at the end", b"/admin///", "/admin", CLEAR),
        ("slash before the query", b"/admin/?x", "/admin", CLEAR),
        ("two slashes in front", b"//admin", "/admin", AMBIGUOUS),
        ("only slashes", b"///", "/", AMBIGUOUS),
        ("two slashes inside", b"/admin//users", "/admin/users", CLEAR),
        ("dot", b"/./admin", "/admin", CLEAR),
        ("dot at the end", b"/admin/.", "/admin", CLEAR),
        ("only a dot", b"/.", "/", CLEAR),
        ("escaped dot", b"/%2e/admin", "/admin", CLEAR),
        ("escaped dot, upper case", b"/%2E/admin", "/admin", CLEAR),
        ("hidden file", b"/.git/config", "/.git/config", CLEAR),
        ("three dots", b"/.../admin", "/.../admin", CLEAR),
        ("dots at the end of a name", b"/admin..", "/admin..", CLEAR),
        ("escaped letter", b"/%61dmin", "/admin", CLEAR),
        ("every letter escaped", b"/%61%64%6D%69%6e", "/admin", CLEAR),
        ("escaped space", b"/a%20b", "/a b", CLEAR),
        ("plus", b"/a+b", "/a+b", CLEAR),
        ("escaped question mark", b"/who%3F", "/who?", CLEAR),
        ("escaped hash", b"/c%23", "/c#", CLEAR),
        ("escaped percent", b"/100%25", "/100%", CLEAR),
        ("escaped percent before a letter", b"/100%25x", "/100%x", CLEAR),
        ("UTF-8", b"/caf%C3%A9", "/caf\u{e9}", CLEAR),
        ("UTF-8 without escapes", "/caf\u{e9}".as_bytes(), "/caf\u{e9}", CLEAR),
        ("another form of the same letter", b"/cafe%CC%81", "/cafe\u{301}", CLEAR),
        ("full-width slash", b"/x%EF%BC%8Fadmin", "/x\u{ff0f}admin", CLEAR),
        ("parameters", b"/admin;x=1", "/admin", CLEAR),
        ("no parameters", b"/admin;", "/admin", CLEAR),
        ("parameters inside", b"/admin;a=1;b/users;c", "/admin/users", CLEAR),
        ("parameters of an empty segment", b"/admin/;x/users", "/admin/users", CLEAR),
        ("parameters of an empty segment in front", b"/;x/admin", "/admin", AMBIGUOUS),
        ("no parameters of an empty segment in front", b"/;/host/admin", "/host/admin", AMBIGUOUS),
        ("parameters only", b"/;x", "/", CLEAR),
        ("parameters only, slash at the end", b"/;x/", "/", AMBIGUOUS),
        ("parameters, slash at the end", b"/admin/;x", "/admin", CLEAR),
        ("dot-dot", b"/x/../admin", "/admin", AMBIGUOUS),
        ("dot-dot at the end", b"/admin/x/..", "/admin", AMBIGUOUS),
        ("dot-dot to the root", b"/x/..", "/", AMBIGUOUS),
        ("escaped dot-dot", b"/x/%2e%2e/admin", "/admin", AMBIGUOUS),
        ("half escaped dot-dot", b"/x/.%2E/admin", "/admin", AMBIGUOUS),
        ("escaped dot-dot and slash", b"/x/%2e%2e%2fadmin", "/admin", AMBIGUOUS),
        ("dot-dot with parameters", b"/x/..;/admin", "/admin", AMBIGUOUS),
        ("dot-dot with named parameters", b"/x/..;a=b/admin", "/admin", AMBIGUOUS),
        ("dot-dot after an empty segment", b"/admin//../x", "/x", AMBIGUOUS),
        ("above the root", b"/../admin", "/admin", AMBIGUOUS),
        ("far above the root", b"/x/../../../admin", "/admin", AMBIGUOUS),
        ("dot with parameters", b"/.;x/admin", "/admin", AMBIGUOUS),
        ("escaped slash", b"/x%2Fadmin", "/x/admin", AMBIGUOUS),
        ("escaped slash, lower case", b"/x%2fadmin", "/x/admin", AMBIGUOUS),
        ("escaped slash in front", b"/%2Fadmin", "/admin", AMBIGUOUS),
        ("escaped slash as the first", b"%2Fadmin", "/admin", AMBIGUOUS),
        ("escaped slash in parameters", b"/x;a%2Fadmin", "/x/admin", AMBIGUOUS),
        ("backslash", b"/x\\admin", "/x/admin", AMBIGUOUS),
        ("backslash in front", b"\\admin", "/admin", AMBIGUOUS),
        ("backslash dot-dot", b"/x\\..\\admin", "/admin", AMBIGUOUS),
        ("escaped backslash", b"/x%5Cadmin", "/x/admin", AMBIGUOUS),
        ("escaped backslash, lower case", b"/x%5cadmin", "/x/admin", AMBIGUOUS),
        ("escaped semicolon", b"/admin%3Bx", "/admin", AMBIGUOUS),
        ("NUL", b"/admin\0", "/admin\0", AMBIGUOUS),
        ("escaped NUL", b"/admin%00.png", "/admin\0.png", AMBIGUOUS),
        ("escaped line feed", b"/admin%0A", "/admin\n", AMBIGUOUS),
        ("escaped CR LF", b"/admin%0d%0ax:y", "/admin\r\nx:y", AMBIGUOUS),
        ("tab", b"/admin\t", "/admin\t", AMBIGUOUS),
        ("delete", b"/admin%7F", "/admin\u{7f}", AMBIGUOUS),
        ("C1 control character", b"/admin%C2%85", "/admin\u{85}", AMBIGUOUS),
        ("no hexadecimal digits", b"/admin%zz", "/admin%zz", AMBIGUOUS),
        ("one hexadecimal digit", b"/admin%2", "/admin%2", AMBIGUOUS),
        ("percent at the end", b"/admin%", "/admin%", AMBIGUOUS),
        ("percent before an escape", b"/%%61dmin", "/%admin", AMBIGUOUS),
        ("IIS escape", b"/x%u002fadmin", "/x%u002fadmin", AMBIGUOUS),
        ("a sign is no digit", b"/%+1x", "/%+1x", AMBIGUOUS),
        ("escaped twice", b"/%2561dmin", "/%61dmin", AMBIGUOUS),
        ("escaped three times", b"/%252561dmin", "/%2561dmin", AMBIGUOUS),
        ("escaped twice, digit by digit", b"/%25%36%31dmin", "/%61dmin", AMBIGUOUS),
        ("slash escaped twice", b"/x%252Fadmin", "/x%2Fadmin", AMBIGUOUS),
        ("dot-dot escaped twice", b"/x/%252e%252e/admin", "/x/%2e%2e/admin", AMBIGUOUS),
        ("overlong slash", b"/x%C0%AFadmin", "/x\u{fffd}\u{fffd}admin", AMBIGUOUS),
        ("overlong dot", b"/%C0%AE/admin", "/\u{fffd}\u{fffd}/admin", AMBIGUOUS),
        ("Latin-1", b"/caf\xe9", "/caf\u{fffd}", AMBIGUOUS),
        ("Latin-1, escaped", b"/caf%E9", "/caf\u{fffd}", AMBIGUOUS),
        ("surrogate", b"/%ED%A0%80", "/\u{fffd}\u{fffd}\u{fffd}", AMBIGUOUS),
        ("fragment", b"/admin#x", "/admin", AMBIGUOUS),
        ("fragment with a query", b"/admin#x?y", "/admin", AMBIGUOUS),
        ("fragment of a query", b"/admin?x#y", "/admin", AMBIGUOUS),
        ("only a fragment", b"#x", "/", AMBIGUOUS),
        ("absolute form", b"http://host/admin", "/admin", AMBIGUOUS),
        ("absolute form with a port and a query", b"https://host:8/admin?x", "/admin", AMBIGUOUS),
        ("absolute form without a path", b"http://host", "/", AMBIGUOUS),
        ("absolute form, a query at once", b"http://host?x=/y", "/", AMBIGUOUS),
        ("absolute form, another scheme", b"a+b-c.1://u@[::1]:8/admin", "/admin", AMBIGUOUS),
        ("absolute form, backslash", b"http://host\\admin", "/admin", AMBIGUOUS),
        ("absolute form, nothing in it", b"http://", "/", AMBIGUOUS),
        ("no scheme", b"://host/admin", "/:/host/admin", AMBIGUOUS),
        ("scheme that begins with a digit", b"1http://host/admin", "/1http:/host/admin", AMBIGUOUS),
        ("scheme-relative", b"//host/admin", "/host/admin", AMBIGUOUS),
        ("scheme-relative, more slashes", b"///host/admin?x", "/host/admin", AMBIGUOUS),
        ("two slashes after a dot", b"/.//host/admin", "/host/admin", AMBIGUOUS),
        ("two slashes after dots", b"/././/host/admin", "/host/admin", AMBIGUOUS),
        ("two slashes after an escaped dot", b"/%2E//host/admin", "/host/admin", AMBIGUOUS),
        ("two slashes after a dot and parameters", b"/./;x/host/admin", "/host/admin", AMBIGUOUS),
        ("two slashes after a dot and nothing", b"/.//", "/", AMBIGUOUS),
        ("one slash after a dot", b"/./", "/", CLEAR),
        ("two slashes after a name", b"/x/.//host/admin", "/x/host/admin", CLEAR),
        ("authority form", b"host:443", "/host:443", AMBIGUOUS),
        ("no slash in front", b"admin", "/admin", AMBIGUOUS),
        ("dot in front", b"./admin", "/admin", AMBIGUOUS),
        ("only a query", b"?x", "/", AMBIGUOUS),
        ("asterisk", b"*", "*", CLEAR),
        ("asterisk and more", b"*/admin", "/*/admin", AMBIGUOUS),
        ("asterisk with a query", b"*?x", "/*", AMBIGUOUS),
        ("nothing", b"", "", CLEAR),
    ];
    for (name, target, normal, ambiguous) in cases {
        let path = Path::parse(target);
        let actual = (path.as_str(), path.is_ambiguous());
        assert_eq!(actual, (*normal, *ambiguous), "{name}");
    }
}

#[test]
fn targets_without_a_path_belong_to_a_method() {
    let cases: [(&[u8], &[u8], bool); 6] = [
        (b"OPTIONS", b"*", CLEAR),
        (b"GET", b"*", AMBIGUOUS),
        (b"", b"*", AMBIGUOUS),
        (b"CONNECT", b"", CLEAR),
        (b"GET", b"", AMBIGUOUS),
        (b"CONNECT", b"/chat", CLEAR),
    ];
    for (method, target, ambiguous) in cases {
        let path = Path::of(method, target);
        assert_eq!(path.is_ambiguous(), ambiguous, "{method:?} {target:?}");
    }
}

#[test]
fn sixty_kibibytes() {
    let cases: [(&str, Vec<u8>, usize, bool); 4] = [
        ("slashes", b"/".repeat(60 << 10), 1, AMBIGUOUS),
        ("segments", b"/a".repeat(30 << 10), 60 << 10, CLEAR),
        ("escapes", b"/%2e%2E".repeat(9 << 10), 1, AMBIGUOUS),
        ("not UTF-8", b"/\xff".repeat(30 << 10), 120 << 10, AMBIGUOUS),
    ];
    for (name, target, length, ambiguous) in cases {
        let path = Path::parse(&target);
        let actual = (path.as_str().len(), path.is_ambiguous());
        assert_eq!(actual, (length, ambiguous), "{name}");
    }
}

/// The spelling of a normal form that every server reads alike.
fn escaped(normal: &str) -> Vec<u8> {
    let escape = |byte: u8| match byte {
        b'/' | b'.' | b'-' | b'_' | b'~' => vec![byte],
        byte if byte.is_ascii_alphanumeric() => vec![byte],
        byte => format!("%{byte:02X}").into_bytes(),
    };
    normal.bytes().flat_map(escape).collect()
}

/// Bytes of which many mean something in a path.
fn target() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => prop::sample::select(vec![
            "/", "//", ".", "..", "%", "%2", "%2e", "%2F", "%5c", "%3B", "%25", "%00", "%C3%A9", "%c0%af",
            "\\", ";", "?", "#", "*", "http://", ":", "admin", "a", "2f",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_normal_form_is_its_own(target in target()) {
        let path = Path::parse(&target);
        let normal = path.as_str();
        prop_assume!(normal.starts_with('/'));
        let again = Path::parse(&escaped(normal));
        prop_assert_eq!(again.as_str(), normal);
        // A clear path stays clear: ambiguous is never something that the normal form adds.
        prop_assert!(path.is_ambiguous() || !again.is_ambiguous());
    }

    #[test]
    fn the_normal_form_has_one_shape(target in target()) {
        let path = Path::parse(&target);
        let normal = path.as_str();
        if !matches!(normal, "" | "*" | "/") {
            let segments = normal.strip_prefix('/').map(|inside| inside.split('/'));
            for segment in segments.expect("it begins with a slash") {
                prop_assert!(!matches!(segment, "" | "." | ".."), "{}", normal);
                prop_assert!(!segment.contains([';', '\\']), "{}", normal);
            }
        }
    }

    /// The pass that finds paths already normal must say what the long way says: an escaped letter
    /// in front sends the same path the long way.
    #[test]
    fn both_ways_agree(rest in target()) {
        let short = Path::parse(&[b"/x", &*rest].concat());
        let long = Path::parse(&[b"/%78", &*rest].concat());
        prop_assert_eq!(short, long);
    }

    #[test]
    fn any_bytes(target in prop::collection::vec(any::<u8>(), 0..64)) {
        let path = Path::parse(&target);
        prop_assert!(target.is_empty() || !path.as_str().is_empty());
    }
}
