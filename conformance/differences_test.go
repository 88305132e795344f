package conformance

import (
	"bytes"
	"regexp"
	"testing"
)

// difference is why a script fails through the bastion, and the proof. Either
// what remains of the script passes when the cuts are made, or what it says has
// failed is all of it matched by says.
type difference struct {
	why     string
	prelude string   // shell, before the script
	cut     []string // pairs: text of the script, what stands in its place
	says    []string // expressions: each complaint matches one, each matches a complaint
}

func (d difference) leftOut() bool { return d.prelude != "" || len(d.cut) > 0 }

// from makes what is left of a script without the difference.
func (d difference) from(t *testing.T, script string, text []byte) []byte {
	t.Helper()
	for i := 0; i < len(d.cut); i += 2 {
		if !bytes.Contains(text, []byte(d.cut[i])) {
			t.Fatalf("%s has no %q", script, d.cut[i])
		}
		text = bytes.ReplaceAll(text, []byte(d.cut[i]), []byte(d.cut[i+1]))
	}
	return append([]byte(d.prelude+"\n"), text...)
}

// unsaid finds a complaint that the difference does not explain, or one that
// it announces and that did not come.
func (d difference) unsaid(complaints []string) string {
	used := make([]bool, len(d.says))
	for _, c := range complaints {
		explained := false
		for i, s := range d.says {
			if regexp.MustCompile(`^(?:` + s + `)$`).MatchString(c) {
				explained, used[i] = true, true
			}
		}
		if !explained {
			return "nothing explains: " + c
		}
	}
	for i, s := range d.says {
		if !used[i] {
			return "it did not complain of: " + s
		}
	}
	return ""
}

// offered gives the algorithms of a kind that the bastion offers, of those that
// ssh -Q has.
const offered = `
offered() {
	case $1 in
	kex) _line="KEX algorithms" ;; cipher) _line="ciphers stoc" ;; mac) _line="MACs stoc" ;;
	cipher-auth) _line="ciphers stoc" ;;
	esac
	_has=$(${REAL_SSH} -F $OBJ/ssh_proxy somehost true 2>&1 | tr -d '\r' | sed -n '/peer server KEXINIT/,$p' | sed -n "s/^debug2: $_line: //p" | head -1)
	for _a in $(${REAL_SSH} -Q $1); do case ",$_has," in *",$_a,"*) echo $_a ;; esac; done
}
`

const keysOfUs = "SSH_KEYTYPES=$(echo \"$SSH_KEYTYPES\" | grep -v -e dss -e ^sk-)\nSSH_HOSTKEY_TYPES=$SSH_KEYTYPES"

// differences are what the bastion does not do as sshd does, by script.
var differences = map[string]difference{
	"proxy-connect":  {why: "`user:style` is no login of ours", cut: []string{"${USER}:style@", ""}},
	"proto-version":  {why: "asks for no session"},
	"proto-mismatch": {why: "asks for no session"},
	"broken-pipe":    {why: "starts no session: ssh ends first"},
	"krl":            {why: "never connects"},
	"banner": {why: "the host's banner comes on stderr of the session: lines end in CR LF, `-q` does not hide it, and at most 4 KiB of it are shown (invariants 10, 12)", cut: []string{
		"100 1000 10000 100000", "100 1000", "cmp $OBJ/banner.in $OBJ/banner.out", "tr -d '\\r' <$OBJ/banner.out | cmp - $OBJ/banner.in",
		"cmp $OBJ/empty.in $OBJ/banner.out ) || \\\n\tfail \"suppress", "true ) || \\\n\tfail \"suppress"}},
	"rekey": {why: "algorithms that are not offered; `RekeyLimit` of the server is the bastion's own", prelude: offered, cut: []string{
		"`${SSH} -Q kex`", "`offered kex`", "`${SSH} -Q cipher`", "`offered cipher`", "`${SSH} -Q mac`", "`offered mac`",
		"if ${SSH} -Q cipher-auth |", "if false |", "for s in 16 1k 128k 256k; do\n\tverbose \"server", "for s in; do\n\tverbose \"server",
		"for s in 5 10; do\n\tverbose \"server", "for s in; do\n\tverbose \"server"}},
	"try-ciphers": {why: "CBC, 3DES, MD5, SHA-1, UMAC and, where the CPU has AES, chacha20 are not offered", prelude: offered, cut: []string{
		"`${SSH} -Q cipher`", "`offered cipher`", "`${SSH} -Q mac`", "`offered mac`"}},
	"kextype": {why: "SHA-1, group16, group18, group exchange and sntrup are not offered: x/crypto has none or for clients only, or `bastion/algorithms.go` says why", prelude: offered, cut: []string{"for k in `${SSH} -Q kex`", "for k in `offered kex`"}},
	"integrity": {why: "MD5, SHA-1, UMAC and chacha20 are not offered, as in try-ciphers; a fault under each MAC that is offered is found", prelude: offered, cut: []string{
		"macs=`${SSH} -Q mac`", "macs=`offered mac`", "macs=\"$macs `${SSH} -Q cipher-auth`\"", "macs=\"$macs `offered cipher-auth`\""}},
	"dhgex":   {why: "group exchange is not offered: x/crypto has it for clients only", says: []string{`ssh failed \(\)`, `dhgex unexpected GEX sizes, expected .*, got ?`, `dhgex expected 3072 bit group, got ?`}},
	"keytype": {why: "DSA and security keys are no host keys of ours", prelude: keysOfUs},
	"hostkey-rotate": {why: "DSA and security keys are no host keys of ours, and there is one key of a type", prelude: keysOfUs, cut: []string{
		"# Add new hostkey (primary type) to sshd and connect\n", "return\n"}},
	"forcecommand": {why: "`command=` of authorized_keys does not apply", cut: []string{"trace \"forced command in key option\"\n${SSH} -F $OBJ/ssh_proxy somehost false || fail \"forced command in key\"", ""}},
	"dynamic-forward": {why: forwardsToSSH, cut: []string{
		"ProxyCommand ${proxycmd}${s} $h $PORT 2>/dev/null", "ProxyCommand $VEIL exec ${proxycmd}${s} $h $VEILED 2>/dev/null", ":$PORT", ":$VEILED"}},
	"forwarding": {why: forwardsToSSH + "; and it does not wait until remote forwards are confirmed, which takes a login to the host", cut: []string{
		" -N -M ", " -N -M -oExitOnForwardFailure=yes ",
		"127.0.0.1:$PORT", "127.0.0.1:$VEILED", "last=$PORT", "last=$VEILED",
		"-p$last", "-p$last " + unveiled, "-p${base}01", "-p${base}01 " + unveiled, "-p${base}02", "-p${base}02 " + unveiled,
		"-p ${base}01", "-p ${base}01 " + unveiled, "$cmd -q -W localhost:$PORT somehost", "$VEIL exec $cmd -q -W localhost:$VEILED somehost"}},
	"multiplex": {why: forwardsToSSH, cut: []string{
		"localhost:$PORT", "localhost:$VEILED", "-p$P", "-p$P " + unveiled,
		"echo \"\" | $NC -U", "echo \"\" | $VEIL exec $NC -N -U", "Invalid SSH identification string", "SSH-2.0"}},
	"forward-control": {why: forwardsToSSH + "; `permitopen=` and the like of authorized_keys do not apply", cut: []string{
		"127.0.0.1:$PORT", "127.0.0.1:$VEILED", "127.0.0.1:${PORT}", "127.0.0.1:$VEILED", "-p $LFWD_PORT", "-p $LFWD_PORT " + unveiled,
		"-p $RFWD_PORT", "-p $RFWD_PORT " + unveiled, "\t# permitopen keys option.\n", "\treturn\n"}},
	"cfgmatch": {why: forwardsToSSH, cut: []string{
		"127.0.0.1:$PORT", "127.0.0.1:$VEILED", "'$PORT'", "'$VEILED'", "-p $fwdport", "-p $fwdport " + unveiled}},
	"agent": {why: "DSA is no key of a person, and a certificate's one principal is the person's name", prelude: "SSH_KEYTYPES=$(echo \"$SSH_KEYTYPES\" | grep -v dss)", cut: []string{
		"estragon", "$USER"}},
	"key-options": {why: "options of authorized_keys do not apply: rules do", says: []string{
		"key option forced command not (restricted|executed)", `key option failed (no-pty|restrict) \(pty .*\)`, "key option environment not set",
		`key option from="127.0.0.(1|0/8)" not restricted`, "key option succeeded (invalid|expired)"}},
	"agent-restrict": {why: "options of authorized_keys do not apply, the host sees our certificate and no key, the bastion shows no host certificate, the login is `root+host`, and a key bound to several hops needs hostbound authentication, which x/crypto does not have", cut: []string{
		"verbose \"multihop restricted\"\n", "return\n",
		"${USER}@host_", "${USER}+host@host_",
		// A forced command comes from the host's configuration instead.
		"\ttrace \"reset keys\"\n", "\ttrace \"reset keys\"\n\tforce \"$_command\"\n", "_command=\"cat \\$SSH_USER_AUTH\"", "_command=true",
		"cp $OBJ/user_a.pub $OBJ/authorized_keys_$USER", "force; cp $OBJ/user_a.pub $OBJ/authorized_keys_$USER",
		// The key that logged in is the bastion's, for a minute.
		"\tcat \\$SSH_USER_AUTH\n", "", "(printf \"publickey \" ; cut -d' ' -f-2 $_key) > $_file", ": > $_file",
		"\t\t(printf \"publickey \" ; cut -d\" \" -f-2 $OBJ/user_a.pub) >> $OBJ/expect_a\n", "",
		"for h in a b c x ; do\n\t(printf", "for h in a b c d e x ; do\n\t(printf"}, prelude: `
force() {
	for _h in a b c d e; do
		grep -v ForceCommand $OBJ/sshd_proxy_host_$_h > $OBJ/forced
		test -z "$1" || echo "ForceCommand $1" >> $OBJ/forced
		mv $OBJ/forced $OBJ/sshd_proxy_host_$_h
	done
}
`},
	"cert-hostkey": {why: "the client is shown a plain key: the bastion has certificates of its own for hosts behind -J only", says: []string{
		"ssh cert connect .* (basic connect|empty KRL|empty plaintext revocation) failed", "ssh cert connect (empty principals|cert valid interval) failed unexpectedly",
		"ssh cert connect failed( known_hosts 2nd)?"}},
	"cert-userkey": {why: "a certificate's one principal is the person's name; DSA is no key; files and options of principals do not apply", prelude: "maybe_filter_sk() { grep -v -e dss; }", cut: []string{
		"-n ${USER},mekmitasdigoat", "-n ${USER}", "for ktype in $EXTRA_TYPES $PLAIN_TYPES ; do", "for ktype in ; do",
		"test_one \"empty principals\"\tsuccess", ": \"", "test_one \"AuthorizedPrincipalsFile principals\"", ": \"", "test_one \"principals key option principals\"", ": \"",
		"test_one \"force-command match true\" success", ": \""}},
	"keys-command": {why: "`AuthorizedKeysCommand` does not say who people are", says: []string{"connect failed"}},
	"principals-command": {why: "`AuthorizedPrincipalsCommand` does not say who people are, and a certificate has one principal", cut: []string{
		"-n ${USER},mekmitasdigoat", "-n ${USER}", "fail \"ssh cert connect succeeded unexpectedly\"", ":", "somehost false", "somehost true"}},
	"multipubkey": {why: "one key is asked for, never two, and of a host two are not to be had", says: []string{
		`ssh succeeded with key(\+cert)?`, "ssh failed with (multiple keys|key/cert)"}},
	"limit-keytype": {why: "`PubkeyAcceptedAlgorithms` of the host does not apply to people, and a certificate has one principal", cut: []string{
		"-n ${USER},mekmitasdigoat", "-n ${USER}", " && fatal \"", " ; : \""}},
	"conch-ciphers": {why: "Debian 12's conch does not get to connecting, to sshd neither"},
	"connection-timeout": {why: "`UnusedConnectionTimeout` is the host's, and the connection is to the bastion", cut: []string{
		"check_ssh && fail \"ssh unexpectedly present\"", "check_ssh || fail \"ssh is gone\""}},
}

const (
	forwardsToSSH = "forwards to sshd, which begin with `SSH-` and are closed (invariant 2)"
	// unveiled lets ssh talk to a veiled entrance.
	unveiled = "-oProxyCommand=\"$VEIL %h %p\""
)
