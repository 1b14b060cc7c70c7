# Lists: who is on them and by which proof, asking and being asked, and leaving
# with one click.

use FindBin;
use lib $FindBin::Bin;
use Mails;
use Pando;

my $t = Mails->new(workers => 2, http => 'pando_set email.public_url https://m.pando.test;');
my $p = $t->{p};
my ($nobody, $tenant) = ($Pando::Routes::NOBODY, $Pando::Token::TENANT);
my ($of, $in) = ('/email/lists/{id}', '/email/lists/{id}/members');

my $l = $t->works($t->post('/email/lists', { name => 'News' }), 'POST /email/lists', 201);
my $o = $t->post('/email/lists', { name => 'Offers', description => 'cheap' })->json;
my %proof = (source => 'shop', at => '2026-01-02T03:04:05Z', text => 'yes, news');

sub bring { my (@who) = @_;
    return $t->post("/email/lists/$l->{id}/members", { proof => \%proof,
        members => [ map { ref $_ ? $_ : { address => $_ } } @who ] }) }
sub states { return { map { $_->{address} => $_->{state} }
    @{ $t->get("/email/lists/$l->{id}/members?limit=200")->json->{data} } } }


# who is brought

my $r = $t->works(bring('A@x.test', 'b@x.test', { address => 'a@X.test', name => 'Ada' }),
                  "POST $in", 200);
is $r->{members}, 2, 'an address is on a list once';
my $rows = $t->works($t->get("/email/lists/$l->{id}/members"), "GET $in", 200)->{data};
is_deeply $rows->[0]{proof}, \%proof, 'with a proof';
is_deeply $t->get("/email/lists/$o->{id}/members")->json->{data}, [], 'and on no other';
$t->fails(bring('a@x.test', 'x'), "POST $in", 'invalid_address', '/members/1/address');
is $t->post("/email/lists/$l->{id}/members", { members => [ { address => 'c@x.test' } ] })
    ->{status}, 422, 'without a proof nobody is';


# leaving

my $m = $t->mail(to => 'b@x.test', list => $l->{id}, lane => 'bulk');
$t->gets($m, 'sent');
my $raw = $t->raw($m) =~ s/\r\n[ \t]/ /gr;
my ($link) = $raw =~ m{^List-Unsubscribe: +<https://m\.pando\.test(/e/u/[\w-]+)>\r$}m;
ok $link, 'a mail of a list says how to leave it' or diag $raw;
like $raw, qr/^List-Unsubscribe-Post: +List-Unsubscribe=One-Click\r$/m, 'with one click';
my $get = $p->get($link);
is $get->{status}, 200, 'a page asks';
like $get->{body}, qr/<form method="post">/, 'for a click';
is states()->{'b@x.test'}, 'confirmed', 'and changes nothing';
my $post = sub { $p->request(POST => $link, body => 'List-Unsubscribe=One-Click',
    'Content-Type' => 'application/x-www-form-urlencoded') };
$t->works($post->(), 'POST /e/u/{token}', 200);
is states()->{'b@x.test'}, 'unsubscribed', 'one click is enough';
is $post->()->{status}, 200, 'and twice';
is_deeply [ map { $_->[0] } $p->sql("select data ->> 'list_id' from pando.outbox
    where type = 'email.unsubscribed'") ], [ $l->{id} ], 'is told once';
is $t->kinds($m), 'accepted unsubscribed', 'and noted';
is $t->post('/email/messages', { to => 'b@x.test', subject => 's', text => 't', lane => 'bulk',
    list => $l->{id} })->json->{reason}, 'unsubscribe', 'no more of that list';
$t->gets($t->mail(to => 'b@x.test'), 'sent', 'a reset of a password still arrives');
is bring('b@x.test')->json->{members}, 0, 'who left is not brought back';

my $bulk = $t->mail(to => 'c@x.test', lane => 'bulk');
$t->gets($bulk, 'sent');
($link) = $t->raw($bulk) =~ s/\r\n[ \t]/ /gr
    =~ m{List-Unsubscribe: +<https://m\.pando\.test([^>]+)};
$post->();
is $t->post('/email/messages', { to => 'c@x.test', subject => 's', text => 't', lane => 'bulk' })
    ->json->{reason}, 'unsubscribe', 'where there is no list, of all that is for many';
$p->sql('delete from email.messages where id = ?', $bulk->{id});
is $post->()->{status}, 200, 'the link outlives the message';

unlike $t->raw($t->mail(to => 'z@x.test')) // '', qr/List-Unsub/, 'one alone has none';
my $bad = $link;
substr $bad, 20, 4, 'AAAA';
$t->fails($p->get($bad), 'GET /e/u/{token}', 'not_found');
$t->fails($p->request(POST => $bad), 'POST /e/u/{token}', 'not_found');
$t->fails($p->get($link =~ s{/u/}{/s/}r), 'GET /e/s/{token}', 'not_found', undef,
    'one link is not another');
$t->fails($p->request(POST => $link =~ s{/u/}{/s/}r), 'POST /e/s/{token}', 'not_found');

# in a template

$t->post('/email/templates', { key => 'news', subject => 'n', text => 'out: {{unsubscribe_url}}',
    html => '<a href="{{unsubscribe_url}}">out</a>' });
$t->post('/email/templates/news/publish', {});
my $w = $t->mail(to => 'd@x.test', template => 'news', subject => undef, text => undef,
                 list => $l->{id});
$t->gets($w, 'sent');
my $plain = $t->raw($w) =~ s/=\r\n//gr;
my @links = $plain =~ m{(?:out: |href=(?:3D)?")https://m\.pando\.test(/e/u/[\w-]{60,})}g;
is scalar @links, 2, 'a template has the link of each mail' or diag $plain;
is $p->get($links[0])->{status}, 200, 'that works';


# being asked

sub ask { my ($who, @o) = @_; return $t->post("/email/lists/$l->{id}/subscribe",
    { address => $who }, token => undef, @o) }
sub asked { my ($who) = @_;
    return @{ $t->get("/email/messages?to=$who")->json->{data} } }

my $subscribe = 'POST /email/lists/{id}/subscribe';
is $t->works(ask('New@x.test'), $subscribe, 202)->{state}, 'pending', 'anyone may ask';
is states()->{'New@x.test'}, 'pending', 'and is not on it yet';
is scalar asked('new%40x.test'), 1, 'but is asked';
is ask('new@x.test')->{status}, 202;
is scalar asked('new%40x.test'), 1, 'once';
is ask('a@x.test')->json->{state}, 'pending', 'who is on it';
is scalar asked('a%40x.test'), 0, 'is not asked, and nobody learns it';
$t->fails(ask('x'), $subscribe, 'invalid_address', '/address');
my ($mail) = asked('new%40x.test');
my ($yes) = $t->row($mail)->{content}{text} =~ m{https://m\.pando\.test(/e/s/\S+)};
$t->works($p->get($yes), 'GET /e/s/{token}', 200);
is states()->{'New@x.test'}, 'pending', 'a link that is followed is no answer';
$t->works($p->request(POST => $yes), 'POST /e/s/{token}', 200);
is states()->{'New@x.test'}, 'confirmed', 'a click is';
is $p->request(POST => $yes)->{status}, 200, 'twice is the same';

is ask('b@x.test')->{status}, 202, 'who left may come back';
($mail) = grep { $_->{subject} =~ /confirm/ } asked('b%40x.test');
$t->gets($mail, 'sent', 'by an answer of their own');
$p->request(POST => $t->row($mail)->{content}{text} =~ m{m\.pando\.test(/e/s/\S+)});
is states()->{'b@x.test'}, 'confirmed', 'is on it again';
is $t->post('/email/messages', { to => 'b@x.test', subject => 's', text => 't',
    list => $l->{id} })->{status}, 202, 'and gets its mails';
is $p->sql('select proof ->> ? from email.list_members where to_norm = ?', 'by', 'b@x.test'),
    'link', 'by this proof';


# lists themselves

my ($patch, $delete) = ("PATCH $of", "DELETE $of");
$t->fails($t->post('/email/lists', { name => 'News' }), 'POST /email/lists', 'list_name_taken',
    '/name');
is $t->works($t->patch("/email/lists/$o->{id}", { name => 'Deals' }), $patch, 200)->{name},
    'Deals';
$t->fails($t->patch("/email/lists/$o->{id}", { name => 'News' }), $patch, 'list_name_taken',
    '/name');
$t->fails($t->patch("/email/lists/$o->{id}", { name => 'x' }, 'If-Match' => '"1"'), $patch,
    'precondition_failed');
is scalar @{ $t->works($t->get('/email/lists'), 'GET /email/lists', 200)->{data} }, 2;
$t->works($t->get("/email/lists/$l->{id}"), "GET $of", 200);
is $t->get("/email/lists/$l->{id}$_", token => $Mails::OTHER)->{status}, 404,
    "another tenant$_" for '', '/members';
$t->fails($t->get("/email/lists/$nobody"), "GET $of", 'not_found');
$t->fails($t->patch("/email/lists/$nobody", {}), $patch, 'not_found');
$t->fails($t->get("/email/lists/$nobody/members"), "GET $in", 'not_found');
$t->fails($t->post("/email/lists/$nobody/members", { proof => \%proof,
    members => [ { address => 'a@x.test' } ] }), "POST $in", 'not_found');
$t->fails($t->post("/email/lists/$nobody/subscribe", { address => 'a@x.test' }), $subscribe,
    'not_found');
my $forget = "POST $in/remove";
is $t->works($t->post("/email/lists/$l->{id}/members/remove", { address => 'A@x.test' }), $forget,
    200)->{members}, $_, 'one is forgotten, once' for 1, 0;
$t->fails($t->post("/email/lists/$l->{id}/members/remove", { address => 'A' }), $forget,
    'invalid_address', '/address');
$t->fails($t->post("/email/lists/$nobody/members/remove", { address => 'A@x.test' }), $forget,
    'not_found');
$t->fails($t->delete("/email/lists/$o->{id}", 'If-Match' => '"1"'), $delete,
    'precondition_failed');
$t->works($t->delete("/email/lists/$o->{id}"), $delete, 204);
$t->fails($t->delete("/email/lists/$o->{id}"), $delete, 'not_found');
$t->all_provoked('email_lists.c', 'email_links.c');

unlike $p->log('access.log'), qr{/e/[us]/}, 'no log has the links';

done_testing;
