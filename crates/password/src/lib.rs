//! Password hashes of htpasswd files and user databases, checked.
