//! [`KnownCapability`]: the names of IANA's registry, and some that servers use without it.

use std::borrow::Cow;

use bytes::Bytes;

use super::Capability;

/// Makes [`KnownCapability`] with its names from one table.
macro_rules! capabilities {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal; )*) => {
        /// A capability that we know, taken apart.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum KnownCapability<'a> {
            $( $(#[$doc])* $variant, )*
            /// APPENDLIMIT, or APPENDLIMIT=n with the one limit of all mailboxes in octets (RFC 7889)
            AppendLimit(Option<u64>),
            /// AUTH=mechanism (RFC 9051)
            Auth(&'a [u8]),
            /// IMAPSIEVE=url (RFC 6785)
            ImapSieve(&'a [u8]),
            /// MESSAGELIMIT=n (RFC 9738)
            MessageLimit(u32),
            /// QUOTA=RES-resource (RFC 9208)
            QuotaResource(&'a [u8]),
            /// RIGHTS=letters: rights beyond those of RFC 2086 (RFC 4314)
            Rights(&'a [u8]),
            /// SAVELIMIT=n (RFC 9738)
            SaveLimit(u32),
        }

        impl<'a> KnownCapability<'a> {
            /// Every capability without parameters.
            pub const PLAIN: &'static [KnownCapability<'static>] = &[$( KnownCapability::$variant, )*];

            /// The name on the wire.
            pub fn name(&self) -> Cow<'a, [u8]> {
                let name: &'static str = match self {
                    $( Self::$variant => $name, )*
                    parameterized => return Cow::Owned(parameterized.name_with_parameter()),
                };
                Cow::Borrowed(name.as_bytes())
            }
        }
    };
}

capabilities! {
    /// ACL (RFC 4314)
    Acl = "ACL";
    /// ANNOTATE-EXPERIMENT-1 (RFC 5257)
    Annotate = "ANNOTATE-EXPERIMENT-1";
    /// BINARY (RFC 3516)
    Binary = "BINARY";
    /// CATENATE (RFC 4469)
    Catenate = "CATENATE";
    /// CHILDREN (RFC 3348)
    Children = "CHILDREN";
    /// COMPRESS=DEFLATE (RFC 4978)
    CompressDeflate = "COMPRESS=DEFLATE";
    /// CONDSTORE (RFC 7162)
    CondStore = "CONDSTORE";
    /// CONTEXT=SEARCH (RFC 5267)
    ContextSearch = "CONTEXT=SEARCH";
    /// CONTEXT=SORT (RFC 5267)
    ContextSort = "CONTEXT=SORT";
    /// CONVERT (RFC 5259)
    Convert = "CONVERT";
    /// CREATE-SPECIAL-USE (RFC 6154)
    CreateSpecialUse = "CREATE-SPECIAL-USE";
    /// ENABLE (RFC 5161)
    Enable = "ENABLE";
    /// ESEARCH (RFC 4731)
    Esearch = "ESEARCH";
    /// ESORT (RFC 5267)
    Esort = "ESORT";
    /// FILTERS (RFC 5466)
    Filters = "FILTERS";
    /// I18NLEVEL=1 (RFC 5255)
    I18nLevel1 = "I18NLEVEL=1";
    /// I18NLEVEL=2 (RFC 5255)
    I18nLevel2 = "I18NLEVEL=2";
    /// ID (RFC 2971)
    Id = "ID";
    /// IDLE (RFC 2177)
    Idle = "IDLE";
    /// IMAP4 (RFC 1730)
    Imap4 = "IMAP4";
    /// IMAP4rev1 (RFC 3501)
    Imap4Rev1 = "IMAP4rev1";
    /// IMAP4rev2 (RFC 9051)
    Imap4Rev2 = "IMAP4rev2";
    /// INPROGRESS (RFC 9585)
    InProgress = "INPROGRESS";
    /// JMAPACCESS (RFC 9698)
    JmapAccess = "JMAPACCESS";
    /// LANGUAGE (RFC 5255)
    Language = "LANGUAGE";
    /// LIST-EXTENDED (RFC 5258)
    ListExtended = "LIST-EXTENDED";
    /// LIST-METADATA (RFC 9590)
    ListMetadata = "LIST-METADATA";
    /// LIST-MYRIGHTS (RFC 8440)
    ListMyRights = "LIST-MYRIGHTS";
    /// LIST-STATUS (RFC 5819)
    ListStatus = "LIST-STATUS";
    /// LITERAL+ (RFC 7888)
    LiteralPlus = "LITERAL+";
    /// LITERAL- (RFC 7888)
    LiteralMinus = "LITERAL-";
    /// LOGIN-REFERRALS (RFC 2221)
    LoginReferrals = "LOGIN-REFERRALS";
    /// LOGINDISABLED (RFC 9051)
    LoginDisabled = "LOGINDISABLED";
    /// MAILBOX-REFERRALS (RFC 2193)
    MailboxReferrals = "MAILBOX-REFERRALS";
    /// METADATA (RFC 5464)
    Metadata = "METADATA";
    /// METADATA-SERVER (RFC 5464)
    MetadataServer = "METADATA-SERVER";
    /// MOVE (RFC 6851)
    Move = "MOVE";
    /// MULTIAPPEND (RFC 3502)
    MultiAppend = "MULTIAPPEND";
    /// MULTISEARCH (RFC 7377)
    MultiSearch = "MULTISEARCH";
    /// NAMESPACE (RFC 2342)
    Namespace = "NAMESPACE";
    /// NOTIFY (RFC 5465)
    Notify = "NOTIFY";
    /// OBJECTID (RFC 8474)
    ObjectId = "OBJECTID";
    /// PARTIAL (RFC 9394)
    Partial = "PARTIAL";
    /// PREVIEW (RFC 8970)
    Preview = "PREVIEW";
    /// QRESYNC (RFC 7162)
    Qresync = "QRESYNC";
    /// QUOTA (RFC 9208)
    Quota = "QUOTA";
    /// QUOTASET (RFC 9208)
    QuotaSet = "QUOTASET";
    /// REPLACE (RFC 8508)
    Replace = "REPLACE";
    /// SASL-IR (RFC 4959)
    SaslIr = "SASL-IR";
    /// SAVEDATE (RFC 8514)
    SaveDate = "SAVEDATE";
    /// SEARCH=FUZZY (RFC 6203)
    SearchFuzzy = "SEARCH=FUZZY";
    /// SEARCHRES (RFC 5182)
    SearchRes = "SEARCHRES";
    /// SORT (RFC 5256)
    Sort = "SORT";
    /// SORT=DISPLAY (RFC 5957)
    SortDisplay = "SORT=DISPLAY";
    /// SPECIAL-USE (RFC 6154)
    SpecialUse = "SPECIAL-USE";
    /// STARTTLS (RFC 9051)
    StartTls = "STARTTLS";
    /// STATUS=SIZE (RFC 8438)
    StatusSize = "STATUS=SIZE";
    /// THREAD=ORDEREDSUBJECT (RFC 5256)
    ThreadOrderedSubject = "THREAD=ORDEREDSUBJECT";
    /// THREAD=REFERENCES (RFC 5256)
    ThreadReferences = "THREAD=REFERENCES";
    /// THREAD=REFS (not registered)
    ThreadRefs = "THREAD=REFS";
    /// UIDBATCHES (RFC 10022)
    UidBatches = "UIDBATCHES";
    /// UIDONLY (RFC 9586)
    UidOnly = "UIDONLY";
    /// UIDPLUS (RFC 4315)
    UidPlus = "UIDPLUS";
    /// UNAUTHENTICATE (RFC 8437)
    Unauthenticate = "UNAUTHENTICATE";
    /// UNSELECT (RFC 3691)
    Unselect = "UNSELECT";
    /// URL-PARTIAL (RFC 5550)
    UrlPartial = "URL-PARTIAL";
    /// URLAUTH (RFC 4467)
    UrlAuth = "URLAUTH";
    /// URLAUTH=BINARY (RFC 5524)
    UrlAuthBinary = "URLAUTH=BINARY";
    /// UTF8=ACCEPT (RFC 9755)
    Utf8Accept = "UTF8=ACCEPT";
    /// UTF8=ONLY (RFC 9755)
    Utf8Only = "UTF8=ONLY";
    /// WITHIN (RFC 5032)
    Within = "WITHIN";
    /// X-GM-EXT-1 (Gmail)
    GmExt1 = "X-GM-EXT-1";
    /// XLIST (Gmail)
    XList = "XLIST";
}

impl<'a> KnownCapability<'a> {
    /// ```abnf
    /// capability      = ("AUTH=" auth-type) / atom
    ///                 ; New capabilities SHOULD be
    ///                 ; registered with IANA
    /// ```
    ///
    /// In any case. `None` where the name is not known, or its parameter is not as it should be.
    pub(super) fn read(name: &'a [u8]) -> Option<Self> {
        let plain = Self::PLAIN.iter().find(|known| known.name().eq_ignore_ascii_case(name));
        if let Some(plain) = plain {
            return Some(plain.clone());
        }
        if name.eq_ignore_ascii_case(b"APPENDLIMIT") {
            return Some(Self::AppendLimit(None));
        }
        let at = name.iter().position(|&octet| octet == b'=')?;
        let (base, parameter) = (&name[..at], &name[at + 1..]);
        let number = || std::str::from_utf8(parameter).ok()?.parse::<u64>().ok();
        let number32 = || number()?.try_into().ok();
        Some(match base.to_ascii_uppercase().as_slice() {
            b"APPENDLIMIT" => Self::AppendLimit(Some(number()?)),
            b"AUTH" if !parameter.is_empty() => Self::Auth(parameter),
            b"IMAPSIEVE" => Self::ImapSieve(parameter),
            b"MESSAGELIMIT" => Self::MessageLimit(number32()?),
            b"QUOTA" => {
                let (prefix, resource) = parameter.split_at_checked(4)?;
                prefix.eq_ignore_ascii_case(b"RES-").then_some(Self::QuotaResource(resource))?
            }
            b"RIGHTS" => Self::Rights(parameter),
            b"SAVELIMIT" => Self::SaveLimit(number32()?),
            _ => return None,
        })
    }

    fn name_with_parameter(&self) -> Vec<u8> {
        let (name, parameter): (&str, Cow<'_, [u8]>) = match self {
            Self::AppendLimit(None) => return b"APPENDLIMIT".to_vec(),
            Self::AppendLimit(Some(octets)) => ("APPENDLIMIT=", Cow::Owned(octets.to_string().into_bytes())),
            Self::Auth(mechanism) => ("AUTH=", Cow::Borrowed(mechanism)),
            Self::ImapSieve(url) => ("IMAPSIEVE=", Cow::Borrowed(url)),
            Self::MessageLimit(limit) => ("MESSAGELIMIT=", Cow::Owned(limit.to_string().into_bytes())),
            Self::QuotaResource(resource) => ("QUOTA=RES-", Cow::Borrowed(resource)),
            Self::Rights(letters) => ("RIGHTS=", Cow::Borrowed(letters)),
            Self::SaveLimit(limit) => ("SAVELIMIT=", Cow::Owned(limit.to_string().into_bytes())),
            _ => unreachable!("its name stands in the table"),
        };
        [name.as_bytes(), &parameter].concat()
    }
}

impl From<KnownCapability<'_>> for Capability {
    fn from(known: KnownCapability<'_>) -> Self {
        Self(Bytes::from(known.name().into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &'static str) -> Option<KnownCapability<'static>> {
        KnownCapability::read(name.as_bytes())
    }

    #[test]
    fn names_come_back() {
        let parameterized = [
            KnownCapability::AppendLimit(None),
            KnownCapability::AppendLimit(Some(257_890)),
            KnownCapability::Auth(b"SCRAM-SHA-256"),
            KnownCapability::ImapSieve(b"sieve://example.org"),
            KnownCapability::MessageLimit(1_000),
            KnownCapability::QuotaResource(b"STORAGE"),
            KnownCapability::Rights(b"kxten"),
            KnownCapability::SaveLimit(2_000),
        ];
        for known in KnownCapability::PLAIN.iter().chain(&parameterized) {
            let capability = Capability::from(known.clone());
            assert_eq!(capability.known().as_ref(), Some(known));
            let lower = Capability(capability.0.to_ascii_lowercase().into());
            assert!(lower.known().is_some(), "{known:?}");
        }
    }

    #[test]
    fn what_is_not_known() {
        for name in
            ["X-NEW", "AUTH=", "APPENDLIMIT=many", "QUOTA=ALL", "QUOTA=", "QUOTA=\u{e9}x", "COMPRESS=LZ4", ""]
        {
            assert_eq!(known(name), None, "{name}");
        }
    }
}
