# The rules of webhooks, which need no nginx.

use Pando;
use Pando::Unit;

units(webhooks_rules => [ 'pando_bytes', '-lcrypto' ]);
done_testing;
