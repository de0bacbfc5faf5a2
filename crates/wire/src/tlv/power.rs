//! IEEE C37.238's organization extensions (1C-12-9D), on Announce.

use crate::field::layout;

layout! {
    /// C37.238-2011. Sub-type 1.
    #[derive(Eq)]
    PowerProfile2011 {
        /// grandmasterID.
        grandmaster_id: u16,
        /// grandmasterTimeInaccuracy in ns.
        grandmaster_time_inaccuracy: u32,
        /// networkTimeInaccuracy in ns.
        network_time_inaccuracy: u32 => reserved 2,
    }
}

layout! {
    /// C37.238-2017. Sub-type 2.
    #[derive(Eq)]
    PowerProfile2017 {
        /// grandmasterID.
        grandmaster_id: u16 => reserved 4,
        /// totalTimeInaccuracy in ns.
        total_time_inaccuracy: u32 => reserved 2,
    }
}
