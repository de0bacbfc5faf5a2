//! The keys of the texts that CLOCK_DESCRIPTION tells.

use super::{Kind, Section, key};

/// CLOCK_DESCRIPTION.
pub(super) const DESCRIPTION: Section = Section {
    name: "description",
    doc: "Texts that CLOCK_DESCRIPTION tells.",
    keys: &[
        key(
            "manufacturer_identity",
            Kind::Octets(3),
            "00:00:00",
            "OUI of the manufacturer.",
            "descriptionDS.manufacturerIdentity",
        ),
        key(
            "product",
            Kind::Text { max: 64, semicolons: Some(2) },
            ";;",
            "`manufacturer;model;instance`.",
            "descriptionDS.productDescription",
        ),
        key(
            "revision",
            Kind::Text { max: 32, semicolons: Some(2) },
            ";;",
            "`hardware;firmware;software`.",
            "descriptionDS.productRevision (revisionData)",
        ),
        key(
            "user",
            Kind::Text { max: 128, semicolons: None },
            "",
            "Whatever helps its operator.",
            "descriptionDS.userDescription",
        ),
    ],
};
