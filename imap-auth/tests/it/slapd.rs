//! [`Slapd`]: OpenLDAP's server in a folder of its own, on a free port of this machine.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A server that ends with its value.
pub(crate) struct Slapd {
    process: Child,
    directory: TempDir,
    pub(crate) plain: u16,
    pub(crate) tls: u16,
}

impl Slapd {
    /// Starts one with people and groups; `None`, and a line that says so, where slapd is not installed.
    pub(crate) fn start() -> Option<Self> {
        let missing = ["/usr/sbin/slapd", "/usr/sbin/slapadd", "/etc/ldap/schema/core.schema"];
        if let Some(missing) = missing.iter().find(|path| !Path::new(path).exists()) {
            eprintln!("skipped: {missing} is not there (Debian's package slapd)");
            return None;
        }
        let directory = tempfile::tempdir().expect("a directory");
        configure(directory.path());
        let (plain, tls) = (free_port(), free_port());
        let process = Command::new("/usr/sbin/slapd")
            .args(["-d", "0", "-f"])
            .arg(directory.path().join("slapd.conf"))
            .arg("-h")
            .arg(format!("ldap://127.0.0.1:{plain} ldaps://127.0.0.1:{tls}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("slapd starts");
        let slapd = Self { process, directory, plain, tls };
        let deadline = Instant::now() + Duration::from_secs(20);
        while [plain, tls].iter().any(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_err()) {
            assert!(Instant::now() < deadline, "slapd does not listen");
            std::thread::yield_now();
        }
        Some(slapd)
    }

    /// The authority that its certificate is of.
    pub(crate) fn roots(&self) -> PathBuf {
        self.directory.path().join("cert.pem")
    }

    /// Ends it; connections break.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.kill();
    }
}

fn configure(directory: &Path) {
    let at = |name: &str| directory.join(name);
    let certified =
        rcgen::generate_simple_self_signed(vec!["127.0.0.1".into(), "localhost".into()]).expect("made");
    std::fs::write(at("cert.pem"), certified.cert.pem()).expect("written");
    std::fs::write(at("key.pem"), certified.signing_key.serialize_pem()).expect("written");
    std::fs::create_dir(at("db")).expect("made");
    let configuration = format!(
        "include /etc/ldap/schema/core.schema\n\
         include /etc/ldap/schema/cosine.schema\n\
         include /etc/ldap/schema/inetorgperson.schema\n\
         modulepath /usr/lib/ldap\n\
         moduleload back_mdb\n\
         TLSCertificateFile {cert}\n\
         TLSCertificateKeyFile {key}\n\
         database mdb\n\
         maxsize 10485760\n\
         suffix dc=example,dc=org\n\
         directory {db}\n\
         access to attrs=userPassword by anonymous auth by * none\n\
         access to * by dn.exact=cn=restante,dc=example,dc=org read by self read by anonymous auth by * none\n",
        cert = at("cert.pem").display(),
        key = at("key.pem").display(),
        db = at("db").display(),
    );
    std::fs::write(at("slapd.conf"), configuration).expect("written");
    std::fs::write(at("people.ldif"), PEOPLE).expect("written");
    let added = Command::new("/usr/sbin/slapadd")
        .arg("-f")
        .arg(at("slapd.conf"))
        .arg("-l")
        .arg(at("people.ldif"))
        .output()
        .expect("slapadd starts");
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("bound").port()
}

const PEOPLE: &str = "\
dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: cn=restante,dc=example,dc=org
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: restante
userPassword: of the server

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: uid=alice,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: alice
cn: Alice
sn: Smith
mail: alice@example.org
userPassword: sesame

dn: uid=bob,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: Jones
mail: bob@example.org
employeeType: gone
userPassword: sesame

dn: uid=a(b)*\\2cc,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: a(b)*,c
cn: Strange
sn: Name
userPassword: sesame

dn: uid=twin,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: twin
cn: Twin
sn: One
mail: twins@example.org
userPassword: sesame

dn: uid=twin2,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: twin2
cn: Twin
sn: Two
mail: twins@example.org
userPassword: sesame

dn: cn=staff,dc=example,dc=org
objectClass: groupOfNames
cn: staff
member: uid=alice,ou=people,dc=example,dc=org
member: uid=bob,ou=people,dc=example,dc=org

dn: cn=mail admins,dc=example,dc=org
objectClass: groupOfNames
cn: mail admins
member: uid=alice,ou=people,dc=example,dc=org
";
