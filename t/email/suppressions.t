# Suppressions: whom a row means, which mail it stops, and when.

use FindBin;
use lib $FindBin::Bin;
use Mails;
use Pando;

my $t = Mails->new(workers => 2);
my $p = $t->{p};
my ($post, $delete) = map { "$_ /email/suppressions" } qw(POST DELETE);
my $tenant = $Pando::Token::TENANT;
my $list = '01900000-0000-7000-8000-00000000aaaa';

sub add
{
    my ($who, %in) = @_;
    my $r = $t->post('/email/suppressions', { addresses => ref $who ? $who : [$who], %in });
    is $r->{status}, 204, "suppressed: @{[ ref $who ? @$who : $who ]}" or diag $r->{body};
}

sub why
{
    my ($to, %in) = @_;
    my $r = $t->post('/email/messages', { to => $to, subject => 'hi', text => 'hello', %in });
    return $r->{status} == 202 ? 'taken' : "$r->{status} " . $r->json->{reason};
}

add('Ada@Example.com');
is why('ada@example.com'), '409 manual', 'an address, however it is spelt';
is why('ada@sub.example.com'), 'taken', 'and no other';
add([ '@block.test', '@*.below.test' ], note => 'as they asked');
is why('x@block.test'), '409 manual', 'a domain';
is why('x@a.block.test'), 'taken', 'but not what is below it';
is why('x@a.below.test'), '409 manual', 'all below one';
is why('x@a.b.below.test'), '409 manual', 'however deep';
is why('x@below.test'), 'taken', 'but not itself';
is why('x@notbelow.test'), 'taken';

add('m@x.test', scope => 'marketing', reason => 'unsubscribe');
is why('m@x.test'), 'taken', 'who wants no marketing gets what is needed';
is why('m@x.test', lane => 'bulk'), '409 unsubscribe', 'and no more';
add('l@x.test', scope => "list:$list", reason => 'unsubscribe');
is why('l@x.test', list => $list), '409 unsubscribe', 'one list';
is why('l@x.test', lane => 'bulk'), 'taken', 'not all of them';
add('u@x.test', reason => 'unsubscribe');
is why('u@x.test'), '409 unsubscribe';
is why('u@x.test', mandatory => \1), 'taken', 'what is mandatory goes out';
add('h@x.test', reason => 'hard_bounce');
is why('h@x.test', mandatory => \1), '409 hard_bounce', 'but not to nobody';
add('e@x.test', expires_at => '2020-01-01T00:00:00Z');
is why('e@x.test'), 'taken', 'what is over is over';

# at claim, too

my $m = $t->mail(to => 'late@x.test', send_at => '2096-01-01T00:00:00Z');
add('late@x.test');
$p->sql('update email.messages set next_at = now() where id = ?', $m->{id});
$p->sql("select email.wake(?, 'transactional', now())", $tenant);
$t->gets($m, 'suppressed', 'who is suppressed meanwhile gets none');
is $t->row($m)->{reason}, 'manual', 'which is said';
is $t->get("/email/outbox/$m->{id}")->{status}, 404, 'and nothing left';

# stronger reasons replace weaker ones

my $suppress = 'select email.suppress(?, ?, ?, ?, null, ?)';
my $reason = sub { ($p->sql('select reason from email.suppressions where to_norm = ?',
                            $_[0]))[0][0] };
$p->sql($suppress, $tenant, 's@x.test', 'all', 'soft_bounce', '2096-01-01');
$p->sql($suppress, $tenant, 's@x.test', 'all', 'hard_bounce', undef);
is $reason->('s@x.test'), 'hard_bounce', 'for ever is longer';
$p->sql($suppress, $tenant, 's@x.test', 'all', 'soft_bounce', '2096-01-01');
is $reason->('s@x.test'), 'hard_bounce', 'and stays so';

# the list of them

my $all = $t->works($t->get('/email/suppressions?limit=200'), 'GET /email/suppressions',
                    200)->{data};
is scalar @$all, 10, 'all of them';
is $t->get('/email/suppressions?reason=hard_bounce&scope=all')->json->{data}[0]{address},
    'h@x.test', 'by reason';
is_deeply $t->get('/email/suppressions', token => $Mails::OTHER)->json->{data}, [],
    'another tenant has none';
is $t->delete('/email/suppressions?address=h%40x.test', token => $Mails::OTHER)->{status}, 404;
$t->works($t->delete('/email/suppressions?address=%40*.below.test'), $delete, 204);
is why('x@a.below.test'), 'taken', 'again';
$t->works($t->delete('/email/suppressions?address=u%40X.test&scope=all'), $delete, 204);
is why('u@x.test'), 'taken';

$t->fails($t->delete('/email/suppressions?address=u%40x.test'), $delete, 'not_found');
$t->fails($t->delete('/email/suppressions?address=x'), $delete, 'invalid_address', '?address');
$t->fails($t->delete('/email/suppressions?address=u%40x.test&scope=x'), $delete,
    'invalid_scope', '?scope');
$t->fails($t->get('/email/suppressions?scope=list:1'), 'GET /email/suppressions',
    'invalid_scope', '?scope');
$t->fails($t->post('/email/suppressions', { addresses => ['a@b.test', $_] }), $post,
    'invalid_address', '/addresses/1', "no address: $_")
    for '@', '@x', '@*.', '@*', 'x', '*@x.test y';
$t->fails($t->post('/email/suppressions', { addresses => ['a@b.test'], scope => 'list:x' }),
    $post, 'invalid_scope', '/scope');
$t->all_provoked('email_suppressions.c');

# bounces

is join(' ', map { $_->[0] } $p->sql('select unnest(email.patterns(?))', 'a@b.c.test')),
    'a@b.c.test @b.c.test @*.c.test @*.test', 'what could name an address';

done_testing;
