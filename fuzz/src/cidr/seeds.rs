//! Lists and addresses, right and wrong.

use crate::seed::Seed;

pub(super) fn all() -> Vec<Seed> {
    let seeds = [
        ("block-alone", "-10.0.0.0/8\n10.0.0.1\n11.0.0.1\n"),
        (
            "allow-alone",
            "+192.0.2.0/24\n+2001:db8::/32\n192.0.2.1\n2001:db8::1\n192.0.3.0\n",
        ),
        (
            "block-before-allow",
            "-10.1.0.0/16\n+10.0.0.0/8\n10.1.0.1\n10.2.0.1\n8.8.8.8\n",
        ),
        (
            "mapped",
            "-::ffff:10.0.0.0/104\n+::ffff:0.0.0.0/96\n10.9.9.9\n::ffff:a09:909\n",
        ),
        ("all", "-0.0.0.0/0\n-::/0\n0.0.0.0\n::\n::ffff:1.2.3.4\n"),
        (
            "all-but-mapped",
            "-::ffff:0:0/95\n::fffe:1:2\n::ffff:1.2.3.4\n1.2.3.4\n",
        ),
        (
            "single",
            "-192.0.2.1\n-2001:db8::1\n-192.0.2.9/32\n-2001:db8::9/128\n192.0.2.2\n",
        ),
        (
            "trimmed-and-empty",
            "-  10.0.0.0/8 \t\n-\n- \n+\u{3000}::1/128\u{a0}\n::1\n",
        ),
        ("host-bits", "-10.1.2.3/8\n+10.255.255.255/7\n10.0.0.0\n"),
        ("no-network-in-block", "-10.0.0.0/8\n-nonsense\n+also nonsense\n"),
        ("no-network-in-allow", "-10.0.0.0/8\n+10.0.0.0/33\n"),
        ("prefixes", "-1.2.3.4/+8\n"),
        ("prefix-of-too-many-digits", "-1.2.3.4/008\n"),
        ("prefix-with-a-zero", "-1.2.3.4/08\n-::1/064\n1.0.0.0\n"),
        ("prefix-that-is-none", "-1.2.3.4/\n"),
        ("zone", "-fe80::/10\nfe80::1%eth0\nfe80::1\n"),
        (
            "no-addresses",
            "\n \nlocalhost\n1.2.3\n1.2.3.4:80\n01.2.3.4\n[::1]\n1.2.3.4 \n256.1.1.1\n",
        ),
        (
            "zeros",
            "1:2:3:4:5:6:7::\n1::3:4:5:6:7:8\n::2:3:4:5:6:7:8\n1:2:3:4::5:6:7:8\n:::\n1::2::3\n",
        ),
        (
            "v4-in-v6",
            "1:2:3:4:5:6:1.2.3.4\n::1.2.3.4\n1.2.3.4::\n::1.2.3.4:5\n1:2:3:4:5:6:7:1.2.3.4\n",
        ),
        ("long-groups", "-12345::/16\n::00001\n::FFFF:1.2.3.4\n"),
        ("nothing", ""),
    ];
    seeds
        .into_iter()
        .map(|(name, text)| Seed::new(name, text))
        .collect()
}
