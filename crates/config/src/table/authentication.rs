use super::{Kind, Need, Section, key};

/// Keys of authenticated messages.
pub(crate) const AUTHENTICATION: Section = Section {
    name: "authentication",
    doc: "Messages with an AUTHENTICATION TLV (1588-2019 16.14). Ports say which keys they use by `spp` and `active_key_id`.",
    keys: &[
        key(
            "key_file",
            Kind::Path { max: 4095, off: true },
            "off",
            "Security associations and their keys, as linuxptp's `sa_file`. Only its owner may read or write it. Read again on reload.",
            "sa_file",
        ),
        key("insecure_file", Kind::Bool, "false", "Take the key file although others may read it.", "")
            .needs(Need::KeyFile),
    ],
};
