# What a new tenant begins with, and the demo's data.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Trees;

my $t = Trees->new(large => 1);
my $p = $t->{p};
my $new = '01900000-0000-7000-8000-00000000000c';
my $token = { scope => 'categories:admin', tid => $new };
my $tree = sub { $p->get('/api/v1/categories?locale=en', token => $token) };

is $tree->()->{status}, 404, 'nothing yet';
$p->sql("SELECT pando.emit(?, 'tenant.created', 1, ?, '{}')", $new, $new) for 1 .. 3;
ok $p->wait_for(sub { $tree->()->{status} == 200 }, 30), 'a tenant is created, and has a tree';

my $n = $p->sql('SELECT count(*) FROM categories.categories WHERE tenant_id = ?', $new);
cmp_ok $n, '>=', 400, "of $n categories";
is $p->sql('SELECT count(*) FROM categories.taxonomies WHERE tenant_id = ?', $new), 1,
    'once, however often it is told';
is $p->sql('SELECT count(*) FROM categories.starter'), $n, 'all of them';
is $tree->()->json->{tree}[0]{name}, 'Food and drink', 'in their order';
is $p->get('/api/v1/categories/map?scheme=osm&code=shop=bakery', token => $token)
    ->json->{data}[0]{slug}, 'bakery', 'imports file themselves';
is $p->sql('SELECT count(*) FROM categories.categories AS c WHERE c.tenant_id = ? AND NOT EXISTS
    (SELECT FROM categories.category_mappings AS m WHERE m.category_id = c.id
        AND m.scheme = ?)', $new, 'schema_org'), 0, 'each is told to others as a type';
is $p->get('/api/v1/categories/suggest?q=vietnam', token => $token)->json->{data}[0]{slug},
    'vietnamese-restaurant', 'and is found';
is_deeply [ $p->sql('SELECT osm FROM categories.starter WHERE osm <> ? GROUP BY osm
                     HAVING count(*) > 1', '') ], [], 'a key leads to one category';
is $p->sql('SELECT count(*) FROM categories.starter WHERE osm !~ ?', '^$|^[a-z_:]+=[a-z_-]+$'), 0,
    'keys are keys';
$t->sound;

# Who has one already keeps it.
my $own = $t->taxonomy(key => 'own');
$p->sql("SELECT pando.emit(?, 'tenant.created', 1, ?, '{}')", ($Pando::Token::TENANT) x 2);
ok $t->heard;
is $p->sql('SELECT count(*) FROM categories.taxonomies WHERE tenant_id = ?',
           $Pando::Token::TENANT), 1, 'who has a tree keeps it';

# The demo's data, twice.
my $demo = '01900000-0000-7000-8000-00000000000d';

for (1, 2) {
    my $said = qx(psql -qX1 -v ON_ERROR_STOP=1 -v tenant=$demo -d "$p->{database}" \\
                  -f "$Pando::ROOT/sql/categories/demo.sql" 2>&1 >/dev/null);
    is $said, '', 'the demo loads';
}

is $p->sql('SELECT count(*) FROM categories.category_attributes WHERE tenant_id = ?', $demo), 5,
    'its attributes';
my $cafe = $p->get('/api/v1/categories/by-slug/cafes', token => { tid => $demo })->json;
is_deeply [ map { $_->{key} } @{ $cafe->{attributes} } ], [ qw(wifi seats) ], 'inherited';
is $p->post('/api/v1/categories/validate', { category_id => $cafe->{id},
    values => { wifi => \1, seats => 20 } }, token => { tid => $demo,
    scope => 'categories:read' })->json->{verdict}, 'fits', 'and valid';

done_testing;
