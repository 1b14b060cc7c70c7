# The rules of email, which need no nginx.

use Pando;
use Pando::Unit;

units(email_rules => [ "pando_odds", "pando_bytes", "-lcrypto", "-lm" ], email_hrefs => [],
    pando_odds => [ "pando_bytes", "-lcrypto", "-lm" ],
    email_report => [ "email_rules", "pando_bytes", "-lcrypto" ]);
done_testing;
