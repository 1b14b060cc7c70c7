# Endpoints and their routes: what is taken, what is refused and where, the
# secret that is shown once, and tenants that do not see each other.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Post;

my $t = Post->new(http => '');
my $p = $t->{p};
my $all = 'POST /webhook-endpoints';
my $one = 'PATCH /webhook-endpoints/{id}';
my %in = (url => 'https://hooks.example.com/x', event_types => ['webhook.*']);

my $e = $t->works($t->post('/webhook-endpoints', { %in, uid => 'mine' }), $all, 201);
like $e->{secret}, qr{^whsec_[A-Za-z0-9+/]{43}=$}, 'the secret is shown';
is $e->{state}, 'active';
is $e->{max_in_flight}, 8;

my $got = $t->works($t->get("/webhook-endpoints/$e->{id}"),
                    'GET /webhook-endpoints/{id}', 200);
ok !exists $got->{secret}, 'but not again';
$t->works($t->get('/webhook-endpoints'), 'GET /webhook-endpoints', 200);
unlike $t->get('/webhook-endpoints')->{body}, qr/whsec_|secret/, 'nor in the list';
my ($key) = $p->sql('select key_ct from webhooks.secrets');
$key = $key->[0] if ref $key;
unlike $key, qr/\Q@{[ substr $e->{secret}, 6 ]}\E/, 'nor is it so in the database';

for (['invalid', '/url', url => 'https://[::ffff:10.0.0.1]/'],
     ['invalid', '/url', url => 'https://user:pw@a.example.com/'],
     ['invalid', '/event_types', event_types => []],
     ['unknown_event_type', '/event_types/1', event_types => ['*', 'webhook']],
     ['unknown_event_type', '/event_types/0', event_types => ['web*']],
     ['endpoint_uid_taken', '/uid', uid => 'mine']) {
    my ($code, $at, %set) = @$_;
    $t->fails($t->post('/webhook-endpoints', { %in, %set }), $all, $code, $at);
}

$t->fails($t->post('/webhook-endpoints', { %in, url => $_ }), $all, 'address_not_public',
          '/url', "refused: $_")
    for 'https://10.0.0.1/', 'https://169.254.169.254/latest', 'https://10.1/',
        'https://192.168.1.1:8443/x', 'https://0x0a000001/', 'https://hooks.example.com:22/';

my $r = $t->patch("/webhook-endpoints/$e->{id}", { event_types => ['webhook.exhausted'],
    timeout_ms => 2000 }, 'If-Match' => '"v1"');
$got = $t->works($r, $one, 200);
is_deeply $got->{event_types}, ['webhook.exhausted'];
is $got->{timeout_ms}, 2000;
is $got->{max_in_flight}, 8, 'what is not named stays';
$t->fails($t->patch("/webhook-endpoints/$e->{id}", { timeout_ms => 2000 },
    'If-Match' => '"v1"'), $one, 'precondition_failed');
$t->fails($t->patch("/webhook-endpoints/$e->{id}", { url => 'https://10.1.1.1/' }), $one,
    'address_not_public', '/url');
$t->fails($t->patch("/webhook-endpoints/$e->{id}", { event_types => ['none.such'] }), $one,
    'unknown_event_type', '/event_types/0');

# where nobody answers

my %none = (url => 'http://127.0.0.1:8443/');
$t->fails($t->post('/webhook-endpoints?verify=true', { %in, %none }), $all, 'challenge_failed',
    '/url');
$t->fails($t->patch("/webhook-endpoints/$e->{id}?verify=true", { %none }), $one,
    'challenge_failed', '/url');

# conditions and headers of an endpoint's own

for (['filter_invalid', '/filters/1', filters => ['data.a > 1', 'data.a >']],
     ['filter_invalid', '/filters/0', filters => ['size(data)']],
     ['filter_invalid', '/filters/0', filters => ['tenant == 1']],
     ['header_not_allowed', '/headers', headers => { 'Webhook-Id' => 'x' }],
     ['header_not_allowed', '/headers', headers => { Host => 'a.example.com' }],
     ['header_not_allowed', '/headers', headers => { 'X-A' => "b\r\nX-C: d" }],
     ['header_not_allowed', '/headers', headers => { "X A" => 'b' }],
     ['header_not_allowed', '/headers', headers => 'X-A: b'],
     ['header_not_allowed', '/headers', headers => { 'X-A' => 5 }]) {
    my ($code, $at, @set) = @$_;
    $t->fails($t->post('/webhook-endpoints', { %in, @set }), $all, $code, $at);
    $t->fails($t->patch("/webhook-endpoints/$e->{id}", { @set }), $one, $code, $at);
}

like $t->post('/webhook-endpoints', { %in, filters => ["a &&\n b"] })->{body},
    qr/line 1, column 1: \\"a\\" is nothing that is known here/, 'with the place';
my $own = $t->works($t->post('/webhook-endpoints', { %in, filters => ['data.a == 1'],
    channels => ['eu'], ordering => 'by_key', when_stuck => 'block', payload => 'thin',
    headers => { Authorization => 'Bearer quiet', 'X-A' => 'b' } }), $all, 201);
is_deeply [ sort @{ $own->{header_names} } ], [ 'Authorization', 'X-A' ], 'names are shown';
unlike $own->{secret} . $p->sql('select headers_ct from webhooks.endpoints
    where headers_ct is not null'), qr/quiet/, 'what they say is not, nor kept so';
unlike $t->get("/webhook-endpoints/$own->{id}")->{body}, qr/quiet/, 'nor told later';
is_deeply [ @{ $t->works($t->patch("/webhook-endpoints/$own->{id}", { headers => {},
    filters => [], channels => [], ordering => 'none' }), $one, 200) }
    {qw(header_names filters channels ordering payload when_stuck)} ],
    [ [], [], [], 'none', 'thin', 'block' ], 'each can be changed, and the rest stays';

my $two = $t->works($t->post('/webhook-endpoints', { %in, uid => 'other' }), $all, 201);
$t->fails($t->patch("/webhook-endpoints/$two->{id}", { uid => 'mine' }), $one,
    'endpoint_uid_taken', '/uid');

# rotation

my $turn = $t->works($t->post("/webhook-endpoints/$e->{id}/secret/rotate", {}),
    'POST /webhook-endpoints/{id}/secret/rotate', 200);
isnt $turn->{secret}, $e->{secret}, 'a new secret';
$t->post("/webhook-endpoints/$e->{id}/secret/rotate", { overlap_h => 1 });
is scalar(() = $p->sql('select 1 from webhooks.secrets where endpoint_id = ?
    and (expires_at is null or expires_at > now())', $e->{id})), 2,
    'no more than two of them are live';
is scalar(() = $p->sql("select 1 from pando.outbox where type = 'webhook_secret.rotated'")), 2,
    'each is told';

# pause and enable

is $t->works($t->post("/webhook-endpoints/$e->{id}/pause"),
    'POST /webhook-endpoints/{id}/pause', 200)->{state}, 'paused';
is $t->works($t->post("/webhook-endpoints/$e->{id}/enable"),
    'POST /webhook-endpoints/{id}/enable', 200)->{state}, 'active';
$p->sql("update webhooks.endpoints set state = 'disabled' where id = ?", $e->{id});
$t->fails($t->post("/webhook-endpoints/$e->{id}/pause"),
    'POST /webhook-endpoints/{id}/pause', 'endpoint_disabled');

# another tenant sees nothing

for (['get', ''], ['patch', '', { timeout_ms => 3000 }], ['delete', ''],
     ['post', '/pause'], ['post', '/enable'], ['post', '/secret/rotate', {}],
     ['post', '/test', { type => 'webhook.exhausted' }]) {
    my ($verb, $path, @body) = @$_;
    push @body, undef if $verb eq 'post' && !@body;
    is $t->$verb("/webhook-endpoints/$e->{id}$path", @body, token => $Post::OTHER)->{status},
        404, "another tenant: $verb $path";
}

is_deeply $t->get('/webhook-endpoints', token => $Post::OTHER)->json->{data}, [],
    'nor in a list';
$t->works($t->post('/webhook-endpoints', { %in, uid => 'mine' }, token => $Post::OTHER),
    $all, 201, 'uids are each tenant\'s own');
$t->fails($t->get("/webhook-endpoints/$Pando::Routes::NOBODY"),
    'GET /webhook-endpoints/{id}', 'not_found');

# the catalogue

my $types = $t->works($t->public('/event-types'), 'GET /event-types', 200)->{data};
ok((grep { $_->{name} eq 'webhook.exhausted' } @$types), 'types of events');
my $type = $t->works($t->public('/event-types/webhook.exhausted'), 'GET /event-types/{name}', 200);
is $type->{module}, 'webhooks';
is $type->{schema}{'$ref'}, '#/$defs/WebhookExhausted', 'with a schema';
my $def = $type->{schema}{'$defs'}{WebhookExhausted};
is_deeply [ sort keys %{ $def->{properties} } ], [ 'endpoint_id', 'message_id' ], 'whole in itself';
is_deeply [ sort @{ $def->{required} } ], [ sort keys %{ $type->{sample} } ],
    'and an example of it';
my %bad;
for my $type (@$types) {
    my @refs = JSON::PP->new->encode($type->{schema} // {}) =~ /"\$ref":"([^"]*)"/g;
    $bad{$type->{name}} = $_ for grep { !m{^#/\$defs/(\w+)$} || !$type->{schema}{'$defs'}{$1} }
        @refs;
}
is_deeply \%bad, {}, 'each reference points into its own schema';
$t->fails($t->public('/event-types/no.such'), 'GET /event-types/{name}', 'not_found');

$t->fails($t->delete("/webhook-endpoints/$e->{id}", 'If-Match' => '"v1"'),
    'DELETE /webhook-endpoints/{id}', 'precondition_failed');
$t->works($t->delete("/webhook-endpoints/$e->{id}"), 'DELETE /webhook-endpoints/{id}', 204);
is $t->get("/webhook-endpoints/$e->{id}")->{status}, 404, 'it is gone';

# where TLS is asked for

$p->configure(http => '');
$p->reload;
$t->fails($t->post('/webhook-endpoints', { %in, url => 'http://a.example.com/' }), $all,
    'url_not_https', '/url');
$t->fails($t->patch("/webhook-endpoints/$two->{id}", { url => 'http://a.example.com/' }), $one,
    'url_not_https', '/url');

$t->fails($t->post("/webhook-endpoints", { event_types => ["*"] }), $all, "url_or_pull", "/url");
my $pull = $t->post("/webhook-endpoints", { event_types => ["*"], kind => "pull" })->json;
$t->fails($t->patch("/webhook-endpoints/$pull->{id}", { url => "https://a.example.com/" }),
    $one, "url_or_pull", "/url");
$t->fails($t->patch("/webhook-endpoints/$pull->{id}", { kind => "http" }), $one, "kind_stays",
    "/kind");
$t->all_provoked('webhooks_endpoints.c', 'webhooks_catalogue.c');
unlike $p->log . $p->log('access.log'), qr/whsec_/, 'no secret is in a log';
is $p->log =~ /\Q@{[ substr $e->{secret}, 6 ]}\E/ ? 1 : 0, 0, 'in no form';

done_testing;
