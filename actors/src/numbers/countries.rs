//! Countries' numbering plans, as far as reading a number needs them. Data.
//!
//! The `phonenumber` crate knows far more (which numbers are assigned, how each is grouped) and
//! adds 10 MB of metadata and a regular-expression engine. Comparing two spellings needs four facts
//! per country, which change about once in ten years. Source:
//! <https://www.itu.int/oth/T0202.aspx?parent=T0202> (national plans), ITU-T E.164 Annex (country
//! codes).

/// One country's plan.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Country {
    /// Two letters (ISO 3166-1).
    pub(super) iso: &'static str,
    /// The country code.
    pub(super) code: &'static str,
    /// The trunk prefix: dialled before a national number within the country; empty if there is
    /// none.
    pub(super) trunk: &'static str,
    /// Fewest digits of a national number, without `trunk`.
    pub(super) shortest: usize,
    /// Most digits of a national number, without `trunk`.
    pub(super) longest: usize,
}

impl Country {
    /// Prefixes for calls abroad, besides `00`, which is always recognised.
    pub(super) fn abroad(&self) -> &'static [&'static str] {
        match self.code {
            "1" => &["011"],
            "7" => &["810"],
            "61" => &["0011"],
            "65" => &["001", "002", "008"],
            "66" => &["001"],
            "81" => &["010"],
            "82" => &["001", "002", "005", "008"],
            "852" => &["001"],
            "62" => &["001", "008"],
            _ => &[],
        }
    }

    /// Prefixes of numbers that work only within the country and are longer than others. They take
    /// no `trunk`.
    pub(super) fn services(&self) -> &'static [&'static str] {
        match self.iso {
            "IN" => &["1800", "1860"],
            "AU" => &["1300", "1800"],
            _ => &[],
        }
    }
}

/// Finds the country by its two letters, in either case.
pub(super) fn by_iso(iso: &str) -> Option<&'static Country> {
    COUNTRIES.iter().find(|country| country.iso.eq_ignore_ascii_case(iso))
}

/// Finds the country whose code a full number begins with. If several share a code, the first of
/// the table.
pub(super) fn by_number(digits: &str) -> Option<&'static Country> {
    // Codes are free of prefixes: no code begins with another.
    COUNTRIES.iter().find(|country| digits.starts_with(country.code))
}

const fn row(iso: &'static str, code: &'static str, trunk: &'static str, shortest: usize, longest: usize) -> Country {
    Country { iso, code, trunk, shortest, longest }
}

/// Countries that share a code are ordered: the main one comes first.
#[rustfmt::skip]
static COUNTRIES: &[Country] = &[
    row("US", "1", "1", 10, 10), row("CA", "1", "1", 10, 10), row("AG", "1", "1", 10, 10), row("AI", "1", "1", 10, 10),
    row("AS", "1", "1", 10, 10), row("BB", "1", "1", 10, 10), row("BM", "1", "1", 10, 10), row("BS", "1", "1", 10, 10),
    row("DM", "1", "1", 10, 10), row("DO", "1", "1", 10, 10), row("GD", "1", "1", 10, 10), row("GU", "1", "1", 10, 10),
    row("JM", "1", "1", 10, 10), row("KN", "1", "1", 10, 10), row("KY", "1", "1", 10, 10), row("LC", "1", "1", 10, 10),
    row("MP", "1", "1", 10, 10), row("MS", "1", "1", 10, 10), row("PR", "1", "1", 10, 10), row("SX", "1", "1", 10, 10),
    row("TC", "1", "1", 10, 10), row("TT", "1", "1", 10, 10), row("VC", "1", "1", 10, 10), row("VG", "1", "1", 10, 10),
    row("VI", "1", "1", 10, 10),
    row("RU", "7", "8", 10, 10), row("KZ", "7", "8", 10, 10),
    row("EG", "20", "0", 8, 10), row("SS", "211", "0", 9, 9), row("MA", "212", "0", 9, 9), row("EH", "212", "0", 9, 9),
    row("DZ", "213", "0", 8, 9), row("TN", "216", "", 8, 8), row("LY", "218", "0", 8, 9), row("GM", "220", "", 7, 7),
    row("SN", "221", "", 9, 9), row("MR", "222", "", 8, 8), row("ML", "223", "", 8, 8), row("GN", "224", "", 8, 9),
    row("CI", "225", "", 10, 10), row("BF", "226", "", 8, 8), row("NE", "227", "", 8, 8), row("TG", "228", "", 8, 8),
    row("BJ", "229", "", 8, 10), row("MU", "230", "", 7, 8), row("LR", "231", "0", 7, 9), row("SL", "232", "0", 8, 8),
    row("GH", "233", "0", 9, 9), row("NG", "234", "0", 8, 10), row("TD", "235", "", 8, 8), row("CF", "236", "", 8, 8),
    row("CM", "237", "", 9, 9), row("CV", "238", "", 7, 7), row("ST", "239", "", 7, 7), row("GQ", "240", "", 9, 9),
    row("GA", "241", "0", 7, 8), row("CG", "242", "", 9, 9), row("CD", "243", "0", 7, 9), row("AO", "244", "", 9, 9),
    row("GW", "245", "", 7, 9), row("IO", "246", "", 7, 7), row("AC", "247", "", 4, 5), row("SC", "248", "", 7, 7),
    row("SD", "249", "0", 9, 9), row("RW", "250", "0", 9, 9), row("ET", "251", "0", 9, 9), row("SO", "252", "0", 6, 9),
    row("DJ", "253", "", 8, 8), row("KE", "254", "0", 7, 10), row("TZ", "255", "0", 9, 9), row("UG", "256", "0", 9, 9),
    row("BI", "257", "", 8, 8), row("MZ", "258", "", 8, 9), row("ZM", "260", "0", 9, 9), row("MG", "261", "0", 9, 9),
    row("RE", "262", "0", 9, 9), row("YT", "262", "0", 9, 9), row("ZW", "263", "0", 6, 10), row("NA", "264", "0", 8, 9),
    row("MW", "265", "0", 7, 9), row("LS", "266", "", 8, 8), row("BW", "267", "", 7, 8), row("SZ", "268", "", 8, 8),
    row("KM", "269", "", 7, 7), row("ZA", "27", "0", 9, 9), row("SH", "290", "", 4, 5), row("ER", "291", "0", 7, 7),
    row("AW", "297", "", 7, 7), row("FO", "298", "", 6, 6), row("GL", "299", "", 6, 6),
    row("GR", "30", "", 10, 10), row("NL", "31", "0", 9, 9), row("BE", "32", "0", 8, 9), row("FR", "33", "0", 9, 9),
    row("ES", "34", "", 9, 9), row("GI", "350", "", 8, 8), row("PT", "351", "", 9, 9), row("LU", "352", "", 4, 11),
    row("IE", "353", "0", 7, 9), row("IS", "354", "", 7, 9), row("AL", "355", "0", 6, 9), row("MT", "356", "", 8, 8),
    row("CY", "357", "", 8, 8), row("FI", "358", "0", 5, 12), row("AX", "358", "0", 5, 12), row("BG", "359", "0", 6, 9),
    row("HU", "36", "06", 8, 9), row("LT", "370", "0", 8, 8), row("LV", "371", "", 8, 8), row("EE", "372", "", 7, 8),
    row("MD", "373", "0", 8, 8), row("AM", "374", "0", 8, 8), row("BY", "375", "8", 9, 9), row("AD", "376", "", 6, 9),
    row("MC", "377", "", 8, 9), row("SM", "378", "", 6, 10), row("UA", "380", "0", 9, 9), row("RS", "381", "0", 6, 12),
    row("ME", "382", "0", 8, 9), row("XK", "383", "0", 8, 9), row("HR", "385", "0", 8, 9), row("SI", "386", "0", 8, 8),
    row("BA", "387", "0", 8, 9), row("MK", "389", "0", 8, 8), row("IT", "39", "", 6, 11), row("VA", "39", "", 6, 11),
    row("RO", "40", "0", 9, 9), row("CH", "41", "0", 9, 9), row("CZ", "420", "", 9, 9), row("SK", "421", "0", 9, 9),
    row("LI", "423", "", 7, 9), row("AT", "43", "0", 4, 13), row("GB", "44", "0", 9, 10), row("GG", "44", "0", 10, 10),
    row("IM", "44", "0", 10, 10), row("JE", "44", "0", 10, 10), row("DK", "45", "", 8, 8), row("SE", "46", "0", 7, 10),
    row("NO", "47", "", 8, 8), row("SJ", "47", "", 8, 8), row("PL", "48", "", 9, 9), row("DE", "49", "0", 5, 13),
    row("FK", "500", "", 5, 5), row("BZ", "501", "", 7, 7), row("GT", "502", "", 8, 8), row("SV", "503", "", 8, 8),
    row("HN", "504", "", 8, 8), row("NI", "505", "", 8, 8), row("CR", "506", "", 8, 8), row("PA", "507", "", 7, 8),
    row("PM", "508", "0", 6, 9), row("HT", "509", "", 8, 8), row("PE", "51", "0", 8, 9), row("MX", "52", "", 10, 10),
    row("CU", "53", "0", 6, 8), row("AR", "54", "0", 10, 11), row("BR", "55", "0", 10, 11), row("CL", "56", "", 9, 9),
    row("CO", "57", "", 10, 10), row("VE", "58", "0", 10, 10), row("GP", "590", "0", 9, 9), row("BL", "590", "0", 9, 9),
    row("MF", "590", "0", 9, 9), row("BO", "591", "0", 8, 8), row("GY", "592", "", 7, 7), row("EC", "593", "0", 8, 9),
    row("GF", "594", "0", 9, 9), row("PY", "595", "0", 7, 9), row("MQ", "596", "0", 9, 9), row("SR", "597", "", 6, 7),
    row("UY", "598", "0", 8, 8), row("CW", "599", "", 7, 8), row("BQ", "599", "", 7, 7), row("MY", "60", "0", 8, 10),
    row("AU", "61", "0", 9, 9), row("CX", "61", "0", 9, 9), row("CC", "61", "0", 9, 9), row("ID", "62", "0", 7, 12),
    row("PH", "63", "0", 8, 10), row("NZ", "64", "0", 8, 10), row("SG", "65", "", 8, 8), row("TH", "66", "0", 8, 9),
    row("TL", "670", "", 7, 8), row("NF", "672", "", 6, 6), row("BN", "673", "", 7, 7), row("NR", "674", "", 7, 7),
    row("PG", "675", "", 7, 8), row("TO", "676", "", 5, 7), row("SB", "677", "", 5, 7), row("VU", "678", "", 5, 7),
    row("FJ", "679", "", 7, 7), row("PW", "680", "", 7, 7), row("WF", "681", "", 6, 6), row("CK", "682", "", 5, 5),
    row("NU", "683", "", 4, 7), row("WS", "685", "", 5, 10), row("KI", "686", "", 5, 8), row("NC", "687", "", 6, 6),
    row("TV", "688", "", 5, 7), row("PF", "689", "", 6, 8), row("TK", "690", "", 4, 7), row("FM", "691", "", 7, 7),
    row("MH", "692", "1", 7, 7), row("JP", "81", "0", 9, 10), row("KR", "82", "0", 8, 10), row("VN", "84", "0", 9, 10),
    row("KP", "850", "0", 8, 10), row("HK", "852", "", 8, 8), row("MO", "853", "", 8, 8), row("KH", "855", "0", 8, 9),
    row("LA", "856", "0", 8, 10), row("CN", "86", "0", 9, 11), row("BD", "880", "0", 8, 10), row("TW", "886", "0", 8, 9),
    row("TR", "90", "0", 10, 10), row("IN", "91", "0", 10, 10), row("PK", "92", "0", 9, 10), row("AF", "93", "0", 9, 9),
    row("LK", "94", "0", 9, 9), row("MM", "95", "0", 7, 10), row("MV", "960", "", 7, 7), row("LB", "961", "0", 7, 8),
    row("JO", "962", "0", 8, 9), row("SY", "963", "0", 8, 9), row("IQ", "964", "0", 8, 10), row("KW", "965", "", 8, 8),
    row("SA", "966", "0", 9, 9), row("YE", "967", "0", 7, 9), row("OM", "968", "", 8, 8), row("PS", "970", "0", 8, 9),
    row("AE", "971", "0", 8, 9), row("IL", "972", "0", 8, 9), row("BH", "973", "", 8, 8), row("QA", "974", "", 8, 8),
    row("BT", "975", "", 7, 8), row("MN", "976", "0", 8, 8), row("NP", "977", "0", 8, 10), row("IR", "98", "0", 10, 10),
    row("TJ", "992", "", 9, 9), row("TM", "993", "8", 8, 8), row("AZ", "994", "0", 9, 9), row("GE", "995", "0", 9, 9),
    row("KG", "996", "0", 9, 9), row("UZ", "998", "", 9, 9),
];

#[cfg(test)]
mod tests;
