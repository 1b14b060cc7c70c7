# The rules of webhooks, which need no nginx.

use Pando;
use Pando::Unit;

units(webhooks_rules => [ 'pando_bytes', 'pando_ed25519', '-lcrypto' ]);
done_testing;
