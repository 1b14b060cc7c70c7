# The rules of email, which need no nginx.

use Pando;
use Pando::Unit;

units(email_rules => [], email_hrefs => [],
    email_report => [ "email_rules", "pando_bytes", "-lcrypto" ]);
done_testing;
