/**
 * The words of `keyWords`: 256, so that one octet picks one word. Short, common, told apart by ear.
 * Daemon and gateway must agree: the order never changes.
 */
export const WORDS: readonly string[] = (
  'acorn actor album alley amber angle ankle apple apron arrow atlas attic bacon badge ' +
  'bagel baker banjo barge basil beach beard berry bison blaze board bonus boots brass ' +
  'bread brick broom brush bugle cabin cable camel candy canoe cargo carol cedar chair ' +
  'chalk charm cheek cherry chess chief cider cigar civic clamp cliff clock cloud clover ' +
  'coach cobra cocoa comet coral couch crane crate cream crown daisy dance delta denim ' +
  'depot diary dingo disco diver dough dozen draft drama dream drill drum eagle earth ' +
  'easel elbow ember empty envoy equal essay event fable fancy ferry fiber field flame ' +
  'flask fleet flint flock flour flute foam focus forest frame frost fruit fudge galaxy ' +
  'garlic gecko genie giant ginger glass globe glove goose grape gravel green guide guitar ' +
  'habit hammer harbor hazel heart hedge helmet heron hobby honey horse hotel humor igloo ' +
  'index inlet ivory jacket jelly jewel jungle kayak kettle kiosk kite koala label ladder ' +
  'lagoon lemon level lilac linen lion llama lobby lotus lunar magic mango maple marble ' +
  'medal melon mimic mint model motor mural music napkin needle nickel noble north nurse ' +
  'oasis ocean olive onion opera orbit otter oval owner oyster panda paper parade parrot ' +
  'pasta patio peach pearl pebble pencil pepper piano pilot pine pixel plaza plum pocket ' +
  'poem polar pony puzzle quartz quiet radar radio raven rebel relay ribbon river robin ' +
  'rocket ruby saddle salad sauce scarf scout shelf shrimp silver sketch sofa spice sponge ' +
  'squid stamp statue storm sugar sunset table tango tiger timber tulip tunnel velvet ' +
  'violin wagon walnut window zebra'
).split(' ')
