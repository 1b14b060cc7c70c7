# The rules of email, which need no nginx.

use Pando;
use Pando::Unit;

units(email_rules => []);
done_testing;
